-- $4 and $5 are the bounds of the saga's day, see day_query.rs.
SELECT seq, schema, at, data
FROM saga_events
WHERE saga_id = $1::uuid AND seq > $2::bigint
  AND saga_id BETWEEN $4::uuid AND $5::uuid
ORDER BY seq
LIMIT $3::bigint
