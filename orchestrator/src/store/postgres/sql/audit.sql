-- Newest first. A row that only says that something was asked is left out when another one says what
-- became of it.
SELECT seq, at, request, answers, phase, who, on_behalf_of, role, verb, target, saga_id, reason,
       before_state, before_version, after_state, after_version, detail, previous, hash
FROM audit_log a
WHERE ($1::timestamptz IS NULL OR a.at >= $1)
  AND ($2::text IS NULL OR a.who = $2)
  AND ($3::uuid IS NULL OR a.saga_id = $3)
  AND ($4::text IS NULL OR a.verb = $4)
  AND ($5::bigint IS NULL OR a.seq < $5)
  AND ($6::boolean
       OR a.phase <> 'asked'
       OR NOT EXISTS (SELECT FROM audit_log o WHERE o.answers = a.seq))
ORDER BY a.seq DESC
LIMIT $7::bigint
