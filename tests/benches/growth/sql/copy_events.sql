INSERT INTO amends.saga_events (saga_id, seq, schema, at, data, kept)
SELECT c.id, e.seq, e.schema, e.at + c.moved,
       CASE WHEN e.seq = 1 THEN replace(e.data::text, c.template_key, c.key)::json ELSE e.data END,
       replace(e.kept::text, c.template_key, c.key)::json
FROM growth.chosen c
JOIN amends.saga_events e ON e.saga_id = c.template
ORDER BY c.id, e.seq
