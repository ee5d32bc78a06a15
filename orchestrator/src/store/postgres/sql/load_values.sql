-- Looked up one by one, not joined: a plan for a join reads a partition whole that was empty when it
-- was made. $4 and $5 are the bounds of the day of all these sagas, see day_query.rs.
SELECT k.saga_id, k.step, k.element, v.value
FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS k (saga_id, step, element)
CROSS JOIN LATERAL (
    SELECT s.value
    FROM saga_values s
    WHERE s.saga_id = k.saga_id AND s.step = k.step AND s.element = k.element
      AND s.saga_id BETWEEN $4::uuid AND $5::uuid
    LIMIT 1
) v
