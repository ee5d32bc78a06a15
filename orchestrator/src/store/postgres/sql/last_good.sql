-- Where the newest good outputs are. They are read by themselves, from the partitions of their days.
SELECT w.number, g.at, g.saga_id, g.step, g.element
FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS w (action, input, number)
CROSS JOIN LATERAL (
    SELECT o.at, o.saga_id, o.step, o.element
    FROM good_outputs o
    WHERE o.action = w.action AND o.input = w.input
    ORDER BY o.at DESC
    LIMIT 1
) g
