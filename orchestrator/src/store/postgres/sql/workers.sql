SELECT id, seq, occasion, name, build, started_at, operations, running, heartbeat_at, lease_until
FROM workers
ORDER BY name, id
LIMIT $1::bigint
