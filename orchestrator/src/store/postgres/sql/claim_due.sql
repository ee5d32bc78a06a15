WITH due AS (
    SELECT id
    FROM sagas
    WHERE wake_at <= now()
    ORDER BY wake_at
    LIMIT $1::bigint
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE sagas s
SET wake_at = now() + $2::bigint * interval '1 microsecond'
FROM due
WHERE s.id = due.id
RETURNING s.id
