SELECT w.number, g.at, v.value
FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS w (action, input, number)
CROSS JOIN LATERAL (
    SELECT o.at, o.saga_id, o.step, o.element
    FROM good_outputs o
    WHERE o.action = w.action AND o.input = w.input
    ORDER BY o.at DESC
    LIMIT 1
) g
JOIN saga_values v ON v.saga_id = g.saga_id AND v.step = g.step AND v.element = g.element
