-- Plain, without ON CONFLICT: when somebody else has appended first, nothing of this may be written.
INSERT INTO audit_log (
    seq, at, request, answers, phase, who, on_behalf_of, role, verb, target, saga_id, reason,
    before_state, before_version, after_state, after_version, detail, previous, hash
)
SELECT *
FROM unnest(
    $1::bigint[], $2::timestamptz[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::uuid[], $12::text[], $13::text[], $14::bigint[],
    $15::text[], $16::bigint[], $17::text[], $18::bytea[], $19::bytea[]
)
