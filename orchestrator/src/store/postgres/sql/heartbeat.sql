-- Whoever has no reply queue yet takes the lowest that nobody alive has. Two may want the same one:
-- the second finds it changed, gets none, and asks again with its next sign of life.
WITH alive AS (
    INSERT INTO orchestrators (id, lease_until)
    VALUES ($1::uuid, now() + $2::bigint * interval '1 microsecond')
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = now(), lease_until = EXCLUDED.lease_until
), mine AS (
    SELECT number FROM reply_queues WHERE orchestrator = $1::uuid
), free AS (
    SELECT n.number, q.orchestrator AS holder
    FROM generate_series(1, $3::integer) AS n (number)
    LEFT JOIN reply_queues q USING (number)
    WHERE NOT EXISTS (SELECT FROM mine)
      AND NOT EXISTS (
          SELECT FROM orchestrators o WHERE o.id = q.orchestrator AND o.lease_until > now()
      )
    ORDER BY n.number
    LIMIT 1
), taken AS (
    INSERT INTO reply_queues AS q (number, orchestrator)
    SELECT number, $1::uuid FROM free
    ON CONFLICT (number) DO UPDATE SET orchestrator = EXCLUDED.orchestrator
        WHERE q.orchestrator = (SELECT holder FROM free)
    RETURNING number
)
SELECT clock_timestamp(),
    (SELECT min(number) FROM (TABLE mine UNION ALL TABLE taken) AS own),
    (SELECT max(number) FROM (SELECT number FROM reply_queues UNION ALL TABLE taken) AS every)
