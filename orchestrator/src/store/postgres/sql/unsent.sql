SELECT saga_id, seq, created_at
FROM outbox
WHERE saga_id = ANY($1::uuid[])
ORDER BY saga_id, seq
LIMIT $2::bigint
