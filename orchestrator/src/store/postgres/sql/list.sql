-- One status has a parameter of its own: only an equality is answered in the order of its index.
-- Planned anew for the filters of each call: with their values known, those that are null vanish
-- and the partial indexes fit. Ids begin with the time, so `since` ends the walk over them. What is
-- large comes only with $12; the columns are those of `load` and one more.
SELECT id, version, definition, definition_version, key,
       CASE WHEN $12::boolean THEN labels ELSE '{}' END AS labels,
       started_at, ended_at,
       CASE WHEN $12::boolean THEN state ELSE '{}' END AS state,
       status
FROM sagas
WHERE ($1::text IS NULL OR status = $1)
  AND ($2::text IS NULL OR definition = $2)
  AND ($3::text IS NULL OR key = $3)
  AND ($4::jsonb IS NULL OR (labels @> $4 AND labels <> '{}'::jsonb))
  AND ($5::timestamptz IS NULL OR id >= first_saga_id($5))
  AND ($6::uuid IS NULL OR id < $6)
  AND ($8::text IS NULL OR definition_version = $8)
  AND ($11::text[] IS NULL OR status = ANY ($11))
  AND ($9::text IS NULL OR EXISTS (
        SELECT FROM dead_letters l
        WHERE l.saga_id = sagas.id AND l.fingerprint = $9 AND l.handled_at IS NULL))
  AND ($10::uuid IS NULL OR id = $10)
ORDER BY id DESC
LIMIT $7::bigint
