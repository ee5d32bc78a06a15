SELECT seq, schema, at, data
FROM saga_events
WHERE saga_id = $1::uuid AND seq > $2::bigint
ORDER BY seq
LIMIT $3::bigint
