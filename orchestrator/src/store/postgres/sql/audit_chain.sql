SELECT seq, at, request, answers, phase, who, on_behalf_of, role, verb, target, saga_id, reason,
       before_state, before_version, after_state, after_version, detail, previous, hash
FROM audit_log
WHERE seq > $1::bigint
ORDER BY seq
LIMIT $2::bigint
