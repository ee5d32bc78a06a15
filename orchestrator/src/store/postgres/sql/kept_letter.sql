-- Whether a dead letter is on record already.
SELECT EXISTS (SELECT FROM dead_letters WHERE id = $1::uuid)
