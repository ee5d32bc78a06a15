-- Not waiting for the disk is allowed here and nowhere else: a deletion that is lost in a crash
-- sends its message again, and the worker's ledger answers.
DELETE FROM outbox o
USING unnest($1::uuid[], $2::bigint[]) AS c (saga_id, seq)
WHERE o.saga_id = c.saga_id
  AND o.seq = c.seq
  AND (SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL
