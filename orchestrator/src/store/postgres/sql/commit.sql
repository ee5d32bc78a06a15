-- One statement, one transaction: what became of many sagas.
--
-- Every array is sorted by the key of its table, and rows are looked up one by one in its order:
-- sessions have no other joins, see `session_options`. Rows of sagas are written before keys.
-- Without that two batches would deadlock. `matched` are the sagas that won the compare-and-set;
-- nothing is written of the others. `IN (…) IS TRUE` keeps the planner from turning the test into a
-- join, so that it stays one probe of a hash table per row.
--
-- What stands between `if` and `end` is left out where a batch has nothing of the kind: to set up a
-- part of this statement costs as much as some ten rows, whether there are any or not.
WITH
-- if updates
updated AS (
    UPDATE sagas s
    SET version = u.version,
        status = u.status,
        state = u.state,
        definition_version = u.definition_version,
        ended_at = u.ended_at,
        wake_at = CASE WHEN u.ended_at IS NULL THEN least(s.wake_at, u.wake_at) END
    FROM unnest(
        $1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::json[], $6::timestamptz[],
        $7::timestamptz[], $57::text[]
    ) AS u (id, expected, version, status, state, ended_at, wake_at, definition_version)
    WHERE s.id = u.id
      AND s.version = u.expected
    RETURNING s.id
),
-- end
-- if keys
taken AS (
    INSERT INTO saga_keys (definition, key, saga_id, end_status)
    SELECT k.definition, k.key, k.saga_id, k.end_status
    FROM unnest($8::text[], $9::text[], $10::uuid[], $11::text[], $51::uuid[])
        AS k (definition, key, saga_id, end_status, replaces)
    WHERE k.replaces IS NULL
    -- if updates
      AND (SELECT count(*) FROM updated) >= 0
    -- end
    ON CONFLICT (definition, key) DO NOTHING
    RETURNING saga_id
),
inherited AS (
    UPDATE saga_keys t
    SET saga_id = k.saga_id, end_status = k.end_status
    FROM unnest($8::text[], $9::text[], $10::uuid[], $11::text[], $51::uuid[])
        AS k (definition, key, saga_id, end_status, replaces)
    WHERE t.definition = k.definition
      AND t.key = k.key
      AND t.saga_id = k.replaces
      AND t.end_status IS NOT NULL
    -- if updates
      AND (SELECT count(*) FROM updated) >= 0
    -- end
    RETURNING t.saga_id
),
-- end
-- if starts
started AS (
    INSERT INTO sagas (
        id, version, status, state, ended_at, wake_at, definition, definition_version, key, labels,
        started_at
    )
    SELECT n.id, n.version, n.status, n.state, n.ended_at, n.wake_at, n.definition,
           n.definition_version, n.key, n.labels, n.started_at
    FROM unnest(
        $12::uuid[], $13::bigint[], $14::text[], $15::json[], $16::timestamptz[],
        $17::timestamptz[], $18::text[], $19::text[], $20::text[], $21::jsonb[],
        $22::timestamptz[], $23::boolean[]
    ) AS n (
        id, version, status, state, ended_at, wake_at, definition, definition_version, key, labels,
        started_at, keyed
    )
    -- if keys
    WHERE NOT n.keyed
       OR n.id IN (SELECT saga_id FROM taken)
       OR n.id IN (SELECT saga_id FROM inherited)
    -- end
    ON CONFLICT (id) DO NOTHING
    RETURNING id
),
-- end
matched AS MATERIALIZED (
    SELECT NULL::uuid AS id WHERE false
    -- if updates
    UNION ALL SELECT id FROM updated
    -- end
    -- if starts
    UNION ALL SELECT id FROM started
    -- end
)
-- if closed keys
, closed AS (
    UPDATE saga_keys k
    SET end_status = c.end_status
    FROM unnest($24::text[], $25::text[], $26::uuid[], $27::text[])
        AS c (definition, key, saga_id, end_status)
    WHERE k.definition = c.definition
      AND k.key = c.key
      AND k.saga_id = c.saga_id
      AND (c.saga_id IN (SELECT id FROM matched)) IS TRUE
)
-- end
-- if events
, happened AS (
    INSERT INTO saga_events (saga_id, seq, schema, at, data, kept)
    SELECT e.saga_id, e.seq, $28::smallint, e.at, e.data, e.kept
    FROM unnest($29::uuid[], $30::bigint[], $31::timestamptz[], $32::json[], $58::json[])
        AS e (saga_id, seq, at, data, kept)
    WHERE (e.saga_id IN (SELECT id FROM matched)) IS TRUE
)
-- end
-- if values
, kept AS (
    INSERT INTO saga_values (saga_id, step, element, value)
    SELECT v.saga_id, v.step, v.element, v.value
    FROM unnest($33::uuid[], $34::text[], $35::integer[], $36::json[])
        AS v (saga_id, step, element, value)
    WHERE (v.saga_id IN (SELECT id FROM matched)) IS TRUE
)
-- end
-- if good outputs
, remembered AS (
    INSERT INTO good_outputs (action, input, saga_id, step, element)
    SELECT g.action, g.input, g.saga_id, g.step, g.element
    FROM unnest($52::text[], $53::bytea[], $54::uuid[], $55::text[], $56::integer[])
        AS g (action, input, saga_id, step, element)
    WHERE (g.saga_id IN (SELECT id FROM matched)) IS TRUE
    ON CONFLICT (saga_id, step, element) DO NOTHING
)
-- end
-- if outbox
, unsent AS (
    INSERT INTO outbox (saga_id, seq, owner, properties, body)
    SELECT o.saga_id, o.seq, $37::uuid, o.properties, o.body
    FROM unnest($38::uuid[], $39::bigint[], $40::text[], $41::bytea[])
        AS o (saga_id, seq, properties, body)
    WHERE (o.saga_id IN (SELECT id FROM matched)) IS TRUE
)
-- end
-- if confirmed
, sent AS (
    -- Found one by one and deleted by place. A join may read an outbox whole that was empty when it was
    -- analyzed, and a list of its sagas reads all that was ever sent for a long one.
    DELETE FROM outbox
    WHERE ctid = ANY (ARRAY(
        SELECT o.ctid
        FROM unnest($42::uuid[], $43::bigint[]) AS c (saga_id, seq),
        LATERAL (
            SELECT ctid FROM outbox WHERE saga_id = c.saga_id AND seq = c.seq OFFSET 0
        ) AS o
    ))
)
-- end
-- if dead letters
, buried AS (
    INSERT INTO dead_letters (id, saga_id, queue, reason, fingerprint, properties, body)
    SELECT d.id, d.saga_id, d.queue, d.reason, d.fingerprint, d.properties, d.body
    FROM unnest(
        $44::uuid[], $45::uuid[], $46::text[], $47::text[], $48::text[], $49::json[], $50::bytea[]
    ) AS d (id, saga_id, queue, reason, fingerprint, properties, body)
    -- A letter that its saga hears of in this batch is kept with the event or not at all: a letter
    -- on record says that the saga has heard.
    WHERE (d.saga_id = ANY ($1::uuid[])) IS NOT TRUE
       OR (d.saga_id IN (SELECT id FROM matched)) IS TRUE
    ON CONFLICT (id) DO NOTHING
)
-- end
SELECT id FROM matched
