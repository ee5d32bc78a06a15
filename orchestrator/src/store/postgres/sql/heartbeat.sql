INSERT INTO orchestrators (id, lease_until)
VALUES ($1::uuid, now() + $2::bigint * interval '1 microsecond')
ON CONFLICT (id) DO UPDATE SET heartbeat_at = now(), lease_until = EXCLUDED.lease_until
RETURNING clock_timestamp()
