-- Who may use the API, and what people have done with it.
--
-- Of a token only its SHA-256 is kept. A token is random and long, so there is nothing to guess that
-- a slow hash would have to protect, and its row is found by the hash.
CREATE TABLE api_tokens (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 200),
    role       text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    hash       bytea       NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
-- A name is free again once its token is revoked: the next one is its successor.
CREATE UNIQUE INDEX api_tokens_name ON api_tokens (name) WHERE revoked_at IS NULL;

-- Every verb of an operator or admin: one row before it, and one after that says what became of it.
--
-- Rows are a chain: `hash` covers `previous`, which is the hash of the row before, and every other
-- column. The primary key makes the chain one: of two who append to the same row, one is refused and
-- looks again. The table of this name from migration 2 was never written or read, and has no place
-- for what is asked and not yet done.
DROP TABLE audit_log;

CREATE TABLE audit_log (
    seq            bigint      PRIMARY KEY CHECK (seq > 0),
    at             timestamptz NOT NULL,
    request        text        NOT NULL CHECK (octet_length(request) <= 200),
    answers        bigint,
    phase          text        NOT NULL
        CHECK (phase IN ('asked', 'done', 'refused', 'failed', 'denied')),
    who            text        NOT NULL CHECK (octet_length(who) <= 1024),
    on_behalf_of   text        CHECK (octet_length(on_behalf_of) <= 1024),
    role           text        NOT NULL,
    verb           text        NOT NULL,
    target         text        NOT NULL CHECK (octet_length(target) <= 4096),
    saga_id        uuid,
    reason         text        CHECK (octet_length(reason) <= 4096),
    before_state   text,
    before_version bigint,
    after_state    text,
    after_version  bigint,
    detail         text        CHECK (octet_length(detail) <= 4096),
    previous       bytea       NOT NULL CHECK (octet_length(previous) = 32),
    hash           bytea       NOT NULL CHECK (octet_length(hash) = 32),
    CHECK (answers < seq)
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_who ON audit_log (who, seq);
CREATE INDEX audit_log_verb ON audit_log (verb, seq);
CREATE INDEX audit_log_saga ON audit_log (saga_id, seq) WHERE saga_id IS NOT NULL;
CREATE INDEX audit_log_answers ON audit_log (answers) WHERE answers IS NOT NULL;

-- Against mistakes; against intent there is the chain.
CREATE TRIGGER audit_log_immutable
    BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_not_truncated
    BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
