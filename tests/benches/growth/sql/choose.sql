-- The ids of a chunk of new sagas, in the order of time, and what each is a copy of. What varies is
-- computed from the number, so that every run fills in the same.
SET synchronous_commit = off;
TRUNCATE growth.chosen;
INSERT INTO growth.chosen
SELECT (lpad(to_hex((extract(epoch FROM n.at) * 1000)::bigint), 12, '0')
            || '7' || substr(n.hash, 1, 3) || '8' || substr(n.hash, 4, 15))::uuid,
       n.at, s.id, n.at - s.started_at, 'stored-' || n.i, s.key,
       s.labels || jsonb_build_object('tenant', 't' || n.i % 500)
FROM (
    SELECT i, md5(i::text) AS hash,
           now() - $days * interval '1 day' * ($count - i + 1) / $count AS at
    FROM generate_series($first, $last) AS i
) n
JOIN growth.templates t ON t.slot = ('x' || substr(n.hash, 20, 6))::bit(24)::integer % 1000
JOIN amends.sagas s ON s.id = t.id
ORDER BY 1;
ANALYZE growth.chosen
