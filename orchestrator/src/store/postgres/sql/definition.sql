SELECT name, version, digest, source, registered_at
FROM saga_definitions
WHERE name = $1::text AND version = $2::text
