-- Closes actions before they are undone, and says where they stood.
--
-- With an output ($7) the action is certified to have happened: an absent key, or one whose claim
-- is over, becomes 'applied'. Without one, an absent key becomes 'blocked'.
INSERT INTO step_ledger AS l
    (saga_id, step, element, op, round, state, result, attempt, worker_id, recorded_at)
SELECT a.saga_id, a.step, a.element, 'action', a.round,
       CASE WHEN a.output IS NULL THEN 'blocked' ELSE 'applied' END,
       a.output, a.attempt, $1, now()
FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::json[])
     AS a (saga_id, step, element, round, attempt, output)
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (saga_id, step, element, op, round) DO UPDATE
SET (state, result, released, recorded_at) = (
    SELECT CASE WHEN claim.is_over THEN 'applied' ELSE l.state END,
           CASE WHEN claim.is_over THEN excluded.result ELSE l.result END,
           CASE WHEN claim.is_over THEN false ELSE l.released END,
           CASE WHEN claim.is_over THEN excluded.recorded_at ELSE l.recorded_at END
    FROM (SELECT excluded.state = 'applied' AND l.state = 'started' AND (
              l.released
              OR (l.claimed_until <= now() AND NOT EXISTS (
                  SELECT FROM worker_leases w
                  WHERE w.worker_id = l.worker_id AND w.expires_at > now()))
          ) AS is_over) AS claim)
RETURNING saga_id, step, element, op, round, state,
          state = 'started' AND (released OR (claimed_until <= now() AND NOT EXISTS (
              SELECT FROM worker_leases w
              WHERE w.worker_id = l.worker_id AND w.expires_at > now()))) AS is_over
