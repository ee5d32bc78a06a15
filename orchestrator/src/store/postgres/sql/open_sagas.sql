-- Reads all that is open, by the index on status, whose predicate is the first condition. Walking the
-- ids from the newest would read every saga where few are open.
WITH open AS MATERIALIZED (
    SELECT id, definition, definition_version
    FROM sagas
    WHERE status <> 'completed'
      AND status IN ('running', 'paused', 'compensating', 'compensation_failed')
)
SELECT id
FROM open
WHERE definition = $1::text AND definition_version = $2::text
ORDER BY id DESC
LIMIT $3::bigint
