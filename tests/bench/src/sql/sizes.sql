-- Bytes and rows of every table with its indexes; the days of a table are one.
SELECT regexp_replace(relname, '_(default|before_\d{8}|\d{8})$', ''),
       sum(pg_total_relation_size(relid))::float8,
       sum(n_live_tup)::float8
FROM pg_stat_user_tables
GROUP BY 1
ORDER BY 1
