-- Not waiting for the disk is allowed here and nowhere else: a deletion that is lost in a crash
-- sends its message again, and the worker's ledger answers.
-- Not a join: an outbox is nearly empty whenever it is analyzed, and would be read whole.
DELETE FROM outbox o
WHERE o.saga_id = ANY ($1::uuid[])
  AND ((o.saga_id, o.seq) IN (
      SELECT c.saga_id, c.seq FROM unnest($1::uuid[], $2::bigint[]) AS c (saga_id, seq)
  )) IS TRUE
  AND (SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL
