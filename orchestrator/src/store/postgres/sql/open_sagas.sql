-- The first condition is the predicate of the index on status.
SELECT id
FROM sagas
WHERE status <> 'completed'
  AND status IN ('running', 'paused', 'compensating', 'compensation_failed')
  AND definition = $1::text AND definition_version = $2::text
ORDER BY id DESC
LIMIT $3::bigint
