-- Closes claims with a result, or releases them, where they are still held, and says what is there
-- where they are not.
WITH closing AS (
    SELECT *
    FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::text[], $6::integer[],
                $7::bigint[], $8::text[], $9::json[])
         AS c (saga_id, step, element, op, round, claim_epoch, state, result)
), locked AS MATERIALIZED (
    SELECT l.saga_id, l.step, l.element, l.op, l.round, l.state, l.result,
           l.state = 'started' AND l.worker_id = $1 AND l.claim_epoch = c.claim_epoch AS is_ours
    FROM step_ledger l
    JOIN closing c USING (saga_id, step, element, op, round)
    ORDER BY 1, 2, 3, 4, 5
    FOR UPDATE OF l
), written AS (
    UPDATE step_ledger l
    SET state = c.state, result = c.result, released = c.state = 'started',
        recorded_at = CASE WHEN c.state <> 'started' THEN now() END
    FROM closing c
    JOIN locked USING (saga_id, step, element, op, round)
    WHERE locked.is_ours
      AND (l.saga_id, l.step, l.element, l.op, l.round)
        = (c.saga_id, c.step, c.element, c.op, c.round)
)
SELECT * FROM locked
