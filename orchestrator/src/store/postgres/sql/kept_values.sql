-- The values that are kept with events of these sagas; $2 is the last event that may have some. The
-- limit keeps the planner from making a join of it: see load_values.sql. $3 and $4 are the bounds of
-- their day.
SELECT s.id, v.kept
FROM unnest($1::uuid[]) AS s (id)
CROSS JOIN LATERAL (
    SELECT e.kept
    FROM saga_events e
    WHERE e.saga_id = s.id AND e.seq <= $2::bigint AND e.kept IS NOT NULL
      AND e.saga_id BETWEEN $3::uuid AND $4::uuid
    LIMIT $2::bigint
) v
