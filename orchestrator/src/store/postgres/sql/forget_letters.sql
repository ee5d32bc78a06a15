-- So many handled letters after ($2, $3) are looked at, those that were handled first before others,
-- and deleted where no saga takes them along. The last of them is where to go on.
WITH seen AS MATERIALIZED (
    SELECT handled_at, id, saga_id
    FROM dead_letters
    WHERE handled_at < $1::timestamptz AND (handled_at, id) > ($2::timestamptz, $3::uuid)
    ORDER BY handled_at, id
    LIMIT $4::bigint
),
gone AS (
    DELETE FROM dead_letters
    WHERE id = ANY (ARRAY(
        SELECT n.id FROM seen n WHERE (SELECT s.id FROM sagas s WHERE s.id = n.saga_id) IS NULL))
    RETURNING id
)
SELECT (SELECT count(*) FROM gone), l.handled_at, l.id
FROM seen l
ORDER BY l.handled_at DESC, l.id DESC
LIMIT 1
