-- Rows hold events that were decided together; the first row is the one that $2 is in, and may have
-- nothing after $2.
SELECT seq, schema, at, data
FROM saga_events
WHERE saga_id = $1::uuid
  AND seq >= coalesce((
      SELECT p.seq FROM saga_events p
      WHERE p.saga_id = $1::uuid AND p.seq <= $2::bigint
      ORDER BY p.seq DESC
      LIMIT 1
  ), 0)
ORDER BY seq
LIMIT $3::bigint + 1
