-- How so many sagas of a day stand, and which is the last of them.
WITH piece AS MATERIALIZED (
    SELECT id, ended_at
    FROM sagas
    WHERE id >= $1::uuid AND id < $2::uuid
    ORDER BY id
    LIMIT $4::bigint
)
SELECT count(*),
       count(*) FILTER (WHERE ended_at IS NULL),
       count(*) FILTER (WHERE ended_at >= $3::timestamptz),
       (SELECT id FROM piece ORDER BY id DESC LIMIT 1)
FROM piece
