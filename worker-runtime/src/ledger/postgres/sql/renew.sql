-- Prolongs a worker's lease.
INSERT INTO worker_leases (worker_id, expires_at)
VALUES ($1, now() + make_interval(secs => $2))
ON CONFLICT (worker_id) DO UPDATE SET expires_at = excluded.expires_at
