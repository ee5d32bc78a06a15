SELECT id, received_at, saga_id, queue, fingerprint, reason, octet_length(body)::bigint,
       handled_at, handled_how, handled_by, handled_reason, properties, body
FROM dead_letters
WHERE id = $1::uuid
