-- What was written first stays.
UPDATE dead_letters
SET handled_at = now(), handled_how = $2::text, handled_by = $3::text, handled_reason = $4::text
WHERE id = $1::uuid AND handled_at IS NULL
RETURNING id
