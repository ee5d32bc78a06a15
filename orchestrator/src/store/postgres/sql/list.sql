-- Planned anew for the filters of each call: with their values known, those that are null vanish
-- and the partial indexes fit. Ids begin with the time, so `since` ends the walk over them.
SELECT id, definition, definition_version, key, status, started_at, ended_at
FROM sagas
WHERE ($1::text IS NULL OR status = $1)
  AND ($2::text IS NULL OR definition = $2)
  AND ($3::text IS NULL OR key = $3)
  AND ($4::jsonb IS NULL OR (labels @> $4 AND labels <> '{}'::jsonb))
  AND ($5::timestamptz IS NULL OR id >= first_saga_id($5))
  AND ($6::uuid IS NULL OR id < $6)
ORDER BY id DESC
LIMIT $7::bigint
