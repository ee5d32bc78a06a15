WITH ours AS MATERIALIZED (
    SELECT * FROM sagas WHERE id > $1::text::uuid AND definition = $2
)
SELECT (SELECT count(*) FROM ours)::float8,
       (SELECT count(*) FROM saga_history e JOIN ours ON ours.id = e.saga_id
        WHERE e.saga_id > $1::text::uuid AND e.data ->> 'type' = 'step_succeeded')::float8,
       (SELECT extract(epoch FROM max(ended_at) - min(started_at)) FROM ours)::float8,
       (SELECT count(*) FROM ours WHERE status <> 'completed')::float8,
       (SELECT count(*) FROM amends_worker.step_ledger l JOIN ours ON ours.id = l.saga_id
        WHERE l.saga_id > $1::text::uuid AND l.state = 'applied')::float8,
       (SELECT count(*) FROM dead_letters)::float8,
       (SELECT extract(epoch FROM sum(ended_at - started_at)) FROM ours)::float8
