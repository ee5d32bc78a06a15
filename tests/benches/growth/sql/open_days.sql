SET search_path = amends;
SELECT open_day(day::date)
FROM generate_series(now() - $days * interval '1 day', now(), '1 day') AS day;
RESET search_path
