SELECT fingerprint, count(*), min(received_at), max(received_at), count(DISTINCT saga_id)
FROM dead_letters
WHERE handled_at IS NULL
GROUP BY fingerprint
ORDER BY max(received_at) DESC, fingerprint
LIMIT $1::bigint
