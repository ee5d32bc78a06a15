-- Closes claims with a result, or releases them, where they are still held, and says what is there
-- where they are not.
--
-- `locked` carries what is to be written, so that every row is found by its key: joining two such
-- lists with each other would compare each with each.
WITH locked AS MATERIALIZED (
    SELECT l.saga_id, l.step, l.element, l.op, l.round, l.state, l.result,
           l.state = 'started' AND l.worker_id = $1 AND l.claim_epoch = c.claim_epoch AS is_ours,
           c.state AS new_state, c.result AS new_result
    FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::text[], $6::integer[],
                $7::bigint[], $8::text[], $9::json[])
         AS c (saga_id, step, element, op, round, claim_epoch, state, result)
    JOIN step_ledger l USING (saga_id, step, element, op, round)
    ORDER BY 1, 2, 3, 4, 5
    FOR UPDATE OF l
), written AS (
    UPDATE step_ledger l
    SET state = k.new_state, result = k.new_result, released = k.new_state = 'started',
        recorded_at = CASE WHEN k.new_state <> 'started' THEN now() END
    FROM locked k
    WHERE k.is_ours
      AND (l.saga_id, l.step, l.element, l.op, l.round)
        = (k.saga_id, k.step, k.element, k.op, k.round)
)
SELECT saga_id, step, element, op, round, state, result, is_ours FROM locked
