SELECT name, version, digest, source, registered_at
FROM saga_definitions
ORDER BY name, major, minor, patch, prerelease
