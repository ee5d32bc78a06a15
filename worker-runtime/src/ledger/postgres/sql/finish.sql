-- Gives a key its result inside the transaction that took it.
UPDATE step_ledger
SET state = $6, result = $7, recorded_at = now()
WHERE saga_id = $1 AND step = $2 AND element = $3 AND op = $4 AND round = $5 AND state = 'started'
