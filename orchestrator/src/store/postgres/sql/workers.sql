SELECT id, seq, occasion, name, build, started_at, operations, running, heartbeat_at, lease_until,
       draining
FROM workers
ORDER BY name, id
LIMIT $1::bigint
