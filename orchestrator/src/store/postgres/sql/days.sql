-- The days that are open.
SELECT p.name,
       CASE WHEN p.name LIKE 'before%' THEN '00000000-0000-0000-0000-000000000000'
            ELSE first_saga_id(p.day AT TIME ZONE 'UTC') END AS first,
       first_saga_id((CASE WHEN p.name LIKE 'before%' THEN p.day
                           ELSE p.day + interval '1 day' END) AT TIME ZONE 'UTC') AS beyond,
       p.bytes::bigint
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
ORDER BY first
