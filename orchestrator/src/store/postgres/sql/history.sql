-- Rows hold events that were decided together; the first row is the one that $2 is in, and may have
-- nothing after $2. $4 and $5 are the bounds of the saga's day, see day_query.rs.
SELECT seq, schema, at, data
FROM saga_events
WHERE saga_id = $1::uuid
  AND saga_id BETWEEN $4::uuid AND $5::uuid
  AND seq >= coalesce((
      SELECT p.seq FROM saga_events p
      WHERE p.saga_id = $1::uuid AND p.seq <= $2::bigint
        AND p.saga_id BETWEEN $4::uuid AND $5::uuid
      ORDER BY p.seq DESC
      LIMIT 1
  ), 0)
ORDER BY seq
LIMIT $3::bigint + 1
