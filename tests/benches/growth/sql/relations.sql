SELECT regexp_replace(name, '_(\d{8}|default|before)', ''), sum(blocks)::bigint
FROM (
    SELECT relname::text AS name, heap_blks_hit + heap_blks_read
           + coalesce(toast_blks_hit + toast_blks_read, 0) AS blocks
    FROM pg_statio_all_tables WHERE schemaname = 'amends'
    UNION ALL
    SELECT indexrelname::text, idx_blks_hit + idx_blks_read
    FROM pg_statio_all_indexes WHERE schemaname = 'amends'
) s
GROUP BY 1
