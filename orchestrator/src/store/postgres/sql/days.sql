-- The days that are open, and how their sagas stand where all of them started before $1.
SELECT d.name, d.first, d.beyond, d.bytes::bigint, c.sagas, c.open, c.recent, c.unsent
FROM (
    SELECT p.name,
           CASE WHEN p.name LIKE 'before%' THEN '00000000-0000-0000-0000-000000000000'
                ELSE first_saga_id(p.day AT TIME ZONE 'UTC') END AS first,
           first_saga_id((CASE WHEN p.name LIKE 'before%' THEN p.day
                               ELSE p.day + interval '1 day' END) AT TIME ZONE 'UTC') AS beyond,
           p.bytes
    FROM (
        SELECT n.name, to_timestamp(right(n.name, 8), 'YYYYMMDD')::timestamp AS day,
               sum(pg_total_relation_size(n.partition)) AS bytes
        FROM (
            SELECT i.inhrelid AS partition,
                   substr(i.inhrelid::regclass::text, length(i.inhparent::regclass::text) + 2) AS name
            FROM pg_inherits i
            WHERE i.inhparent IN ('saga_events'::regclass, 'saga_values'::regclass)
        ) n
        WHERE n.name ~ '^(before_)?\d{8}$'
        GROUP BY n.name
    ) p
) d
LEFT JOIN LATERAL (
    SELECT count(*) AS sagas,
           count(*) FILTER (WHERE s.ended_at IS NULL) AS open,
           count(*) FILTER (WHERE s.ended_at >= $1::timestamptz) AS recent,
           (SELECT count(*) FROM outbox o
            WHERE o.saga_id >= d.first AND o.saga_id < d.beyond) AS unsent
    FROM sagas s
    WHERE s.id >= d.first AND s.id < d.beyond
) c ON d.beyond <= first_saga_id($1::timestamptz)
ORDER BY d.first
