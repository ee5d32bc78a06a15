DELETE FROM definition_retirements
WHERE name = $1::text AND version = $2::text
RETURNING name
