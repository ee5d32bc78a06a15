-- Small values are kept with the events of the decision that made them, where that is among a saga's
-- first: of a saga of four steps, each step's output had a row and an index entry of its own. `of`
-- names them as saga_values does, and `is` has them in the same order.
ALTER TABLE saga_events ADD COLUMN kept json;

-- Every value of a saga, wherever it is stored.
CREATE VIEW saga_data (saga_id, step, element, value) AS
SELECT saga_id, step, element, value
FROM saga_values
UNION ALL
SELECT e.saga_id, k.name ->> 0, (k.name ->> 1)::integer, e.kept -> 'is' -> (k.number - 1)::integer
FROM saga_events e
CROSS JOIN LATERAL json_array_elements(e.kept -> 'of') WITH ORDINALITY AS k (name, number)
WHERE e.kept IS NOT NULL;
