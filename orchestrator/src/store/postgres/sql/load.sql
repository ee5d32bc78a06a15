-- Those of these sagas that have got further than is known. Looked up one by one, not joined: a plan for
-- a join reads a table whole that was empty when it was made.
SELECT s.id, s.version, s.definition, s.definition_version, s.key, s.labels, s.started_at, s.ended_at,
       s.state
FROM unnest($1::uuid[], $2::bigint[]) AS k (id, version)
CROSS JOIN LATERAL (SELECT * FROM sagas WHERE sagas.id = k.id LIMIT 1) s
WHERE s.version > k.version
