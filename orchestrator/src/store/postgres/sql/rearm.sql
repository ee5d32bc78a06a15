-- A closed saga never wakes, and a row that already says so is not written again.
UPDATE sagas s
SET wake_at = r.wake_at
FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS r (id, version, wake_at)
WHERE s.id = r.id
  AND s.version = r.version
  AND s.ended_at IS NULL
  AND s.wake_at IS DISTINCT FROM r.wake_at
