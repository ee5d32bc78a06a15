-- What keys hold that others were faster with.
SELECT l.saga_id, l.step, l.element, l.op, l.round, l.state, l.result
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::integer[])
     AS k (saga_id, step, element, op, round)
JOIN step_ledger l USING (saga_id, step, element, op, round)
