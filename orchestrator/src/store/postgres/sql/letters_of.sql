SELECT saga_id, id, properties ->> 'message_id', reason
FROM dead_letters
WHERE saga_id = ANY($1::uuid[]) AND handled_at IS NULL
ORDER BY saga_id, received_at DESC
LIMIT $2::bigint
