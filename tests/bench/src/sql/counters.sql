SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())::float8,
       wal_sync::float8,
       wal_bytes::float8
FROM pg_stat_wal
