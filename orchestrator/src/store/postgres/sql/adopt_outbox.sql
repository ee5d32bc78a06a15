-- An owner that is not in the table, because its row was cleaned up or it never said that it
-- lives, counts as gone.
WITH orphaned AS (
    SELECT o.saga_id, o.seq
    FROM outbox o
    WHERE o.owner <> $1::uuid
      AND (o.owner IN (SELECT id FROM orchestrators WHERE lease_until > now())) IS FALSE
    ORDER BY o.saga_id, o.seq
    LIMIT $2::bigint
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox o
SET owner = $1::uuid
FROM orphaned
WHERE o.saga_id = orphaned.saga_id AND o.seq = orphaned.seq
RETURNING o.saga_id, o.seq, o.properties, o.body
