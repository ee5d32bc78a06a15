WITH ours AS MATERIALIZED (
    SELECT started_at, ended_at FROM sagas WHERE id > $1::text::uuid
), pauses AS (
    SELECT ended_at - lag(ended_at) OVER (ORDER BY ended_at) AS pause FROM ours
)
SELECT count(*) FILTER (WHERE started_at <= $2 AND ended_at > $2)::float8,
       extract(epoch FROM max(ended_at) FILTER (WHERE started_at <= $2) - $2)::float8,
       (count(*) FILTER (WHERE ended_at <= $2)
        / extract(epoch FROM $2 - min(started_at)))::float8,
       extract(epoch FROM (SELECT max(pause) FROM pauses))::float8
FROM ours
