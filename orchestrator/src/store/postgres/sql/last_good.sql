-- Values are looked up one by one, not joined: a plan for a join reads a partition whole that was
-- empty when it was made.
SELECT w.number, g.at, v.value
FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS w (action, input, number)
CROSS JOIN LATERAL (
    SELECT o.at, o.saga_id, o.step, o.element
    FROM good_outputs o
    WHERE o.action = w.action AND o.input = w.input
    ORDER BY o.at DESC
    LIMIT 1
) g
CROSS JOIN LATERAL (
    SELECT s.value
    FROM saga_values s
    WHERE s.saga_id = g.saga_id AND s.step = g.step AND s.element = g.element
    LIMIT 1
) v
