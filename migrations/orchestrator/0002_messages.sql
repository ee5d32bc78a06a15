-- Messages on their way out, messages that nobody could read, and who is alive.

-- A row lives until the broker has confirmed its message; most live for milliseconds. Its key is
-- the message id, <saga>/<seq>.
CREATE TABLE outbox (
    saga_id    uuid        NOT NULL,
    seq        bigint      NOT NULL CHECK (seq > 0),
    owner      uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    properties json        NOT NULL,
    body       bytea       NOT NULL,
    PRIMARY KEY (saga_id, seq)
) WITH (
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);

CREATE TABLE dead_letters (
    id          uuid        PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now(),
    saga_id     uuid,
    queue       text        NOT NULL,
    reason      text        NOT NULL,
    fingerprint text        NOT NULL,
    properties  json        NOT NULL,
    body        bytea       NOT NULL
);

CREATE INDEX dead_letters_saga_id ON dead_letters (saga_id) WHERE saga_id IS NOT NULL;
CREATE INDEX dead_letters_fingerprint ON dead_letters (fingerprint, received_at);

-- Orchestrators by heartbeat. The outbox rows of one whose lease has ended are taken over.
CREATE TABLE orchestrators (
    id           uuid        PRIMARY KEY,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    lease_until  timestamptz NOT NULL
);

-- Worker processes by heartbeat, and what they can do.
CREATE TABLE workers (
    id           text        PRIMARY KEY,
    pool         text        NOT NULL,
    operations   json        NOT NULL,
    running      json        NOT NULL DEFAULT '[]',
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    lease_until  timestamptz NOT NULL
);

-- Signals are kept on arrival, even before a saga waits for them; each is consumed once, in the
-- order of arrival, by the event consumed_by.
CREATE TABLE saga_signals (
    saga_id     uuid        NOT NULL,
    id          text        NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 1024),
    arrival     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    name        text        NOT NULL,
    payload     json        NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    consumed_by bigint      CHECK (consumed_by > 0),
    PRIMARY KEY (saga_id, id)
);

-- Who did what, why, before and after. Each row carries the hash of the one before it.
CREATE TABLE audit_log (
    id       bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text        NOT NULL,
    verb     text        NOT NULL,
    saga_id  uuid,
    reason   text        NOT NULL,
    before   json,
    after    json,
    previous bytea       NOT NULL,
    hash     bytea       NOT NULL UNIQUE
);

CREATE TRIGGER audit_log_immutable
    BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_not_truncated
    BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
