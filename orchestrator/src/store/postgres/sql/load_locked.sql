SELECT id, version, definition, definition_version, key, labels, started_at, ended_at, state
FROM sagas
WHERE id = $1::uuid
FOR UPDATE
