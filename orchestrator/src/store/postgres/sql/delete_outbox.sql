-- Not waiting for the disk is allowed here and nowhere else: a deletion that is lost in a crash
-- sends its message again, and the worker's ledger answers.
-- Found one by one and deleted by place. A join may read an outbox whole that was empty when it was
-- analyzed, and a list of its sagas reads all that was ever sent for a long one.
DELETE FROM outbox
WHERE ctid = ANY (ARRAY(
    SELECT o.ctid
    FROM unnest($1::uuid[], $2::bigint[]) AS c (saga_id, seq),
    LATERAL (
        SELECT ctid FROM outbox WHERE saga_id = c.saga_id AND seq = c.seq OFFSET 0
    ) AS o
))
  AND (SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL
