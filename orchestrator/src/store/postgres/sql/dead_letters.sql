-- The last letter of the page before is found by its id; one commit gives many the same time.
SELECT id, received_at, saga_id, queue, fingerprint, reason, octet_length(body)::bigint,
       handled_at, handled_how, handled_by, handled_reason
FROM dead_letters
WHERE ($1::uuid IS NULL OR saga_id = $1::uuid)
  AND ($2::text IS NULL OR fingerprint = $2::text)
  AND ($3::timestamptz IS NULL OR received_at >= $3::timestamptz)
  AND ($4::boolean OR handled_at IS NULL)
  AND ($5::uuid IS NULL
       OR (received_at, id) < (SELECT l.received_at, l.id FROM dead_letters l WHERE l.id = $5::uuid))
ORDER BY received_at DESC, id DESC
LIMIT $6::bigint
