-- Puts the results of calls without effect on record, where there is none yet. Returns no rows: the
-- count says whether there was any, which is rare.
--
-- A claim that is in the way was made when the operation counted as one with an effect. There is
-- none that it could protect.
INSERT INTO step_ledger AS l
    (saga_id, step, element, op, round, state, result, attempt, worker_id, recorded_at)
SELECT n.saga_id, n.step, n.element, n.op, n.round, n.state, n.result, n.attempt, $1, now()
FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::text[], $6::integer[], $7::integer[],
            $8::text[], $9::json[])
     AS n (saga_id, step, element, op, round, attempt, state, result)
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (saga_id, step, element, op, round) DO UPDATE
SET state = excluded.state,
    result = excluded.result,
    attempt = excluded.attempt,
    worker_id = excluded.worker_id,
    claim_epoch = l.claim_epoch + 1,
    released = false,
    recorded_at = now()
WHERE l.state = 'started'
