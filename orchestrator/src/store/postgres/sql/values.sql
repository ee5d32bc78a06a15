-- $2 and $3 are the bounds of the saga's day, see day_query.rs.
SELECT step, element, value
FROM saga_values
WHERE saga_id = $1::uuid AND saga_id BETWEEN $2::uuid AND $3::uuid
