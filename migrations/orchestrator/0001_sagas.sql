-- Definitions, sagas and their data.
--
-- No foreign keys between these tables: a transition writes all of them in one statement, which
-- already refuses to write the children of a saga that it did not match, and tables keyed by saga
-- can later be partitioned by id and retired partition by partition.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never changed: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE saga_definitions (
    name          text        NOT NULL,
    version       text        NOT NULL,
    major         bigint      NOT NULL,
    minor         bigint      NOT NULL,
    patch         bigint      NOT NULL,
    prerelease    text        NOT NULL,
    digest        text        NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    source        text        NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version)
);

-- A trigger and not a missing grant: the orchestrator owns its tables, and an owner has every
-- right whatever is revoked.
CREATE TRIGGER saga_definitions_immutable
    BEFORE UPDATE OR DELETE ON saga_definitions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER saga_definitions_not_truncated
    BEFORE TRUNCATE ON saga_definitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The control state. What is large lives in saga_values, so that a transition rewrites little.
--
-- Of the columns that change with each transition (version, state) none is in an index, and pages
-- keep room for the new row version: such an update is HOT and touches no index. status and
-- wake_at are in partial indexes; status changes once or twice in a saga's life, and a transition
-- keeps an earlier wake_at.
--
-- state is json and not jsonb: it is written at every transition and read whole, so the text is
-- stored as it comes (one syntax check) and is still readable, and queryable, in psql.
CREATE TABLE sagas (
    id                 uuid        PRIMARY KEY,
    version            bigint      NOT NULL CHECK (version > 0),
    status             text        NOT NULL CHECK (status IN (
                           'running', 'paused', 'compensating', 'completed', 'compensated',
                           'compensation_failed', 'terminated')),
    definition         text        NOT NULL,
    definition_version text        NOT NULL,
    key                text        CHECK (octet_length(key) BETWEEN 1 AND 1024),
    labels             jsonb       NOT NULL CHECK (jsonb_typeof(labels) = 'object'),
    started_at         timestamptz NOT NULL,
    ended_at           timestamptz,
    wake_at            timestamptz,
    state              json        NOT NULL,
    CONSTRAINT sagas_ended_when_closed CHECK (
        (ended_at IS NOT NULL) = (status IN ('completed', 'compensated', 'terminated'))),
    CONSTRAINT sagas_closed_never_wakes CHECK (ended_at IS NULL OR wake_at IS NULL)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX sagas_wake_at ON sagas (wake_at) WHERE wake_at IS NOT NULL;
-- Completed sagas are most of the table; the newest of them are found by walking the ids.
CREATE INDEX sagas_status ON sagas (status, id) WHERE status <> 'completed';
CREATE INDEX sagas_definition ON sagas (definition, id);
CREATE INDEX sagas_key ON sagas (key, id) WHERE key IS NOT NULL;
CREATE INDEX sagas_labels ON sagas USING gin (labels jsonb_path_ops) WHERE labels <> '{}'::jsonb;
CREATE INDEX sagas_started_at ON sagas USING brin (started_at);

-- Inputs, outputs and results: written once, never changed. Steps cannot be named input or saga,
-- so those stand for the saga's input and its result.
--
-- json and not jsonb: a number keeps its digits, keys their order, and a string may contain
-- U+0000, which jsonb refuses.
CREATE TABLE saga_values (
    saga_id uuid    NOT NULL,
    step    text    NOT NULL,
    element integer NOT NULL CHECK (element >= 0),
    value   json    NOT NULL,
    PRIMARY KEY (saga_id, step, element)
);

-- Which saga has a business key. end_status is null while that saga is open; it is there for the
-- reuse policies.
CREATE TABLE saga_keys (
    definition text NOT NULL,
    key        text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 1024),
    saga_id    uuid NOT NULL,
    end_status text CHECK (end_status IN ('completed', 'compensated', 'terminated')),
    PRIMARY KEY (definition, key)
) WITH (fillfactor = 90);

-- What happened, for ever. Replaying it reproduces sagas.state.
CREATE TABLE saga_events (
    saga_id uuid        NOT NULL,
    seq     bigint      NOT NULL CHECK (seq > 0),
    schema  smallint    NOT NULL CHECK (schema > 0),
    at      timestamptz NOT NULL,
    data    json        NOT NULL,
    PRIMARY KEY (saga_id, seq)
);

CREATE TRIGGER saga_events_immutable
    BEFORE UPDATE ON saga_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER saga_values_immutable
    BEFORE UPDATE ON saga_values
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
