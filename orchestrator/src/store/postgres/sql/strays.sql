SELECT (SELECT count(*) FROM (SELECT FROM saga_events_default LIMIT $1::bigint) e)
     + (SELECT count(*) FROM (SELECT FROM saga_values_default LIMIT $1::bigint) v)
