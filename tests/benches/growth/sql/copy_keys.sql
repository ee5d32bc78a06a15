INSERT INTO amends.saga_keys (definition, key, saga_id, end_status)
SELECT k.definition, c.key, c.id, k.end_status
FROM growth.chosen c
JOIN amends.saga_keys k ON k.saga_id = c.template
