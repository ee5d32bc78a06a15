-- The rows that have the last events of transitions whose commit was not answered: one that is there
-- was committed. $3 and $4 are the bounds of the day of all these sagas, see day_query.rs.
SELECT w.saga_id, e.seq, e.schema, e.at, e.data
FROM unnest($1::uuid[], $2::bigint[]) AS w (saga_id, seq)
CROSS JOIN LATERAL (
    SELECT s.seq, s.schema, s.at, s.data
    FROM saga_events s
    WHERE s.saga_id = w.saga_id AND s.seq <= w.seq
      AND s.saga_id BETWEEN $3::uuid AND $4::uuid
    ORDER BY s.seq DESC
    LIMIT 1
) e
