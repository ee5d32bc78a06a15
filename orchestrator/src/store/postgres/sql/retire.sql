-- Only what is registered can be retired; retiring it again changes nothing.
INSERT INTO definition_retirements (name, version, who, reason)
SELECT name, version, $3::text, $4::text
FROM saga_definitions
WHERE name = $1::text AND version = $2::text
ON CONFLICT (name, version) DO NOTHING
RETURNING name
