-- Those that count come first, so that no number of revoked ones hides one.
SELECT id, name, role, hash, created_at, expires_at, revoked_at
FROM api_tokens
ORDER BY revoked_at IS NOT NULL, created_at DESC, id
LIMIT $1::bigint
