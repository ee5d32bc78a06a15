-- How late each timer fired, in milliseconds: when its step was over after when it was to be.
SELECT (extract(epoch FROM over.at - (waits.data ->> 'until')::timestamptz) * 1000)::float8
FROM sagas
JOIN saga_history waits ON waits.saga_id = sagas.id AND waits.data ->> 'type' = 'step_waiting'
JOIN saga_history over ON over.saga_id = sagas.id AND over.data ->> 'type' = 'step_succeeded'
WHERE sagas.id > $1::text::uuid AND sagas.definition = 'sleep'
