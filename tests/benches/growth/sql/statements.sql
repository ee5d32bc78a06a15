SELECT query, calls, rows, shared_blks_hit + shared_blks_read, shared_blks_read,
       total_exec_time * 1000
FROM pg_stat_statements s
JOIN pg_database d ON d.oid = s.dbid
WHERE calls > 0 AND datname = current_database()
