-- Open ones wake in a month, so that nothing moves while it is measured.
INSERT INTO amends.sagas
    (id, version, status, definition, definition_version, key, labels, started_at, ended_at, wake_at,
     state)
SELECT c.id, s.version, s.status, s.definition, s.definition_version, c.key, c.labels, c.at,
       s.ended_at + c.moved, CASE WHEN s.ended_at IS NULL THEN now() + interval '30 days' END, s.state
FROM growth.chosen c
JOIN amends.sagas s ON s.id = c.template
ORDER BY c.id
