INSERT INTO saga_definitions (name, version, major, minor, patch, prerelease, digest, source)
VALUES ($1::text, $2::text, $3::bigint, $4::bigint, $5::bigint, $6::text, $7::text, $8::text)
ON CONFLICT (name, version) DO NOTHING
RETURNING name
