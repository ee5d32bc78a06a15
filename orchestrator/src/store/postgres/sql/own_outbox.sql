SELECT saga_id, seq, properties, body
FROM outbox
WHERE owner = $1::uuid AND (saga_id, seq) > ($2::uuid, $3::bigint)
ORDER BY saga_id, seq
LIMIT $4::bigint
