-- Takes a key inside the transaction that will also hold its effect.
INSERT INTO step_ledger (saga_id, step, element, op, round, state, attempt, worker_id)
VALUES ($1, $2, $3, $4, $5, 'started', $6, $7)
ON CONFLICT (saga_id, step, element, op, round) DO NOTHING
RETURNING claim_epoch
