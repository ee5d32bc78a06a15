-- What is not kept by day. A saga that was reopened meanwhile stays, and keeps its day.
WITH forgotten AS MATERIALIZED (
    SELECT id, definition, key
    FROM sagas
    WHERE id >= $1::uuid AND id < $2::uuid AND ended_at < $3::timestamptz
    ORDER BY id
    LIMIT $4::bigint
    FOR UPDATE SKIP LOCKED
),
keys AS (
    DELETE FROM saga_keys k
    USING forgotten f
    WHERE k.definition = f.definition AND k.key = f.key AND k.saga_id = f.id
),
outputs AS (
    DELETE FROM good_outputs WHERE saga_id = ANY (ARRAY(SELECT id FROM forgotten))
),
letters AS (
    DELETE FROM dead_letters
    WHERE saga_id = ANY (ARRAY(SELECT id FROM forgotten)) AND handled_at IS NOT NULL
),
gone AS (
    DELETE FROM sagas WHERE id = ANY (ARRAY(SELECT id FROM forgotten)) RETURNING id
)
SELECT (SELECT count(*) FROM gone), (SELECT id FROM forgotten ORDER BY id DESC LIMIT 1)
