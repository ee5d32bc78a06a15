-- From today to the day of $1, and the days of what has strayed, unless its time makes no sense.
SELECT to_char(w.day, 'YYYYMMDD')
FROM (
    SELECT generate_series((now() AT TIME ZONE 'UTC')::date,
                           ($1::timestamptz AT TIME ZONE 'UTC')::date, '1 day')::date AS day
    UNION
    SELECT (to_timestamp(('x' || left(replace(s.saga_id::text, '-', ''), 12))::bit(48)::bigint
                         / 1000.0) AT TIME ZONE 'UTC')::date
    FROM (SELECT saga_id FROM saga_events_default UNION SELECT saga_id FROM saga_values_default) s
    WHERE s.saga_id >= first_saga_id(now() - interval '10 years')
      AND s.saga_id < first_saga_id(now() + interval '1 year')
) w
WHERE to_regclass('saga_events_' || to_char(w.day, 'YYYYMMDD')) IS NULL
   OR to_regclass('saga_values_' || to_char(w.day, 'YYYYMMDD')) IS NULL
ORDER BY w.day
LIMIT $2::bigint
