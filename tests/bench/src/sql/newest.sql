-- Ids are time-ordered: what comes later has a higher one.
SELECT coalesce((SELECT id FROM sagas ORDER BY id DESC LIMIT 1)::text,
                '00000000-0000-0000-0000-000000000000')
