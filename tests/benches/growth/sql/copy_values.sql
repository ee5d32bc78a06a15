INSERT INTO amends.saga_values (saga_id, step, element, value)
SELECT c.id, v.step, v.element, replace(v.value::text, c.template_key, c.key)::json
FROM growth.chosen c
JOIN amends.saga_values v ON v.saga_id = c.template
ORDER BY c.id
