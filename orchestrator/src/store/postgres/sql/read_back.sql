-- The last events of transitions whose commit was not answered: one that is there was committed.
SELECT e.saga_id, e.seq, e.schema, e.at, e.data
FROM unnest($1::uuid[], $2::bigint[]) AS w (saga_id, seq)
JOIN saga_events e ON e.saga_id = w.saga_id AND e.seq = w.seq
