-- What a deployment depends on, none of which needs our own tables.
SELECT current_setting('server_version'),
       current_setting('server_version_num')::integer,
       current_setting('synchronous_commit'),
       current_setting('fsync'),
       current_setting('full_page_writes'),
       current_setting('max_connections')::integer
           - current_setting('superuser_reserved_connections')::integer,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       clock_timestamp()
