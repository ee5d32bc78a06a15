-- Keeps the newest word of each worker, and forgets those that have been gone for an hour.
WITH forgotten AS (
    DELETE FROM workers
    WHERE lease_until < now() - interval '1 hour' AND id <> ALL ($1::text[])
)
INSERT INTO workers AS w
    (id, seq, occasion, name, build, started_at, operations, running, lease_until, draining)
SELECT a.id, a.seq, a.occasion, a.name, a.build, a.started_at, a.operations, a.running,
       CASE WHEN a.occasion = 'goodbye' THEN now()
            ELSE now() + $9::bigint * interval '1 microsecond' END,
       a.draining
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
            $7::json[], $8::json[], $10::json[])
    AS a (id, seq, occasion, name, build, started_at, operations, running, draining)
ORDER BY a.id
ON CONFLICT (id) DO UPDATE
SET seq = excluded.seq,
    occasion = excluded.occasion,
    name = excluded.name,
    build = excluded.build,
    started_at = excluded.started_at,
    operations = excluded.operations,
    running = excluded.running,
    draining = excluded.draining,
    heartbeat_at = now(),
    lease_until = excluded.lease_until
WHERE w.seq < excluded.seq
