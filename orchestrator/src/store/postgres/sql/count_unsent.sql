-- Messages of a day's sagas that the broker does not have, counted so far.
SELECT count(*)
FROM (SELECT FROM outbox WHERE saga_id >= $1::uuid AND saga_id < $2::uuid LIMIT $3::bigint) m
