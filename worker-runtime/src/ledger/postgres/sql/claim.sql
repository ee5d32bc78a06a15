-- Claims keys for a worker, or settles them, and says what was there.
--
-- $3 is what an absent key becomes: 'started' for a claim, 'blocked' for settling. A claim that is
-- over is taken over with a higher epoch. The lease is part of the same commit; `claimed_until`
-- protects a claim whose lease a concurrent statement cannot see yet.
WITH lease AS (
    INSERT INTO worker_leases AS w (worker_id, expires_at)
    VALUES ($1, now() + make_interval(secs => $2))
    ON CONFLICT (worker_id) DO UPDATE SET expires_at = excluded.expires_at
    WHERE w.expires_at < now() + make_interval(secs => $2 / 2)
)
INSERT INTO step_ledger AS l
    (saga_id, step, element, op, round, state, attempt, worker_id, claimed_until, recorded_at)
SELECT a.saga_id, a.step, a.element, a.op, a.round, $3, a.attempt, $1,
       now() + make_interval(secs => $2), CASE WHEN $3 = 'blocked' THEN now() END
FROM unnest($4::uuid[], $5::text[], $6::integer[], $7::text[], $8::integer[], $9::integer[])
     AS a (saga_id, step, element, op, round, attempt)
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (saga_id, step, element, op, round) DO UPDATE
SET (attempt, worker_id, claim_epoch, claimed_until, released) = (
    SELECT CASE WHEN claim.is_over THEN excluded.attempt ELSE l.attempt END,
           CASE WHEN claim.is_over THEN excluded.worker_id ELSE l.worker_id END,
           CASE WHEN claim.is_over THEN l.claim_epoch + 1 ELSE l.claim_epoch END,
           CASE WHEN claim.is_over THEN excluded.claimed_until ELSE l.claimed_until END,
           CASE WHEN claim.is_over THEN false ELSE l.released END
    FROM (SELECT l.state = 'started' AND (
              l.released
              OR l.worker_id = $1
              OR (l.claimed_until <= now() AND NOT EXISTS (
                  SELECT FROM worker_leases w
                  WHERE w.worker_id = l.worker_id AND w.expires_at > now()))
          ) AS is_over) AS claim)
RETURNING saga_id, step, element, op, round, state, result, claim_epoch,
          state = 'started' AND worker_id = $1 AS is_ours
