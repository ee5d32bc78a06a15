-- Ends a worker's lease, and clears away those that ended long ago.
DELETE FROM worker_leases
WHERE worker_id = $1 OR expires_at < now() - interval '1 day'
