-- The first condition is the predicate of the index on status.
SELECT status, count(*)
FROM sagas
WHERE status <> 'completed'
  AND status IN ('running', 'paused', 'compensating', 'compensation_failed')
GROUP BY status
