SELECT v.saga_id, v.step, v.element, v.value
FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS k (saga_id, step, element)
JOIN saga_values v ON v.saga_id = k.saga_id AND v.step = k.step AND v.element = k.element
