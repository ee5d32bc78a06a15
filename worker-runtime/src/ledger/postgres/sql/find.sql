-- What a key holds.
SELECT state, result
FROM step_ledger
WHERE saga_id = $1 AND step = $2 AND element = $3 AND op = $4 AND round = $5
