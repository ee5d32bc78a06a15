SELECT d.name, d.version, d.digest, d.source, d.registered_at, r.retired_at, r.who, r.reason
FROM saga_definitions d
LEFT JOIN definition_retirements r USING (name, version)
WHERE d.name = $1::text AND d.version = $2::text
