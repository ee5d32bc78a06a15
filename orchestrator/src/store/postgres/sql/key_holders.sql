SELECT k.definition, k.key, k.saga_id
FROM unnest($1::text[], $2::text[]) AS w (definition, key)
JOIN saga_keys k ON k.definition = w.definition AND k.key = w.key
