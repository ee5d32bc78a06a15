-- Asked again because an answer was lost, it finds its own row.
INSERT INTO api_tokens (id, name, role, hash, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) WHERE revoked_at IS NULL
    DO UPDATE SET name = excluded.name WHERE api_tokens.id = excluded.id
RETURNING id
