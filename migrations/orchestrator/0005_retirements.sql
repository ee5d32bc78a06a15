-- Versions that start no new sagas. The versions themselves never change, so this is told apart
-- from them; taking a retirement back deletes its row.
CREATE TABLE definition_retirements (
    name       text        NOT NULL,
    version    text        NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT now(),
    who        text        NOT NULL CHECK (octet_length(who) <= 1024),
    reason     text        NOT NULL CHECK (octet_length(reason) <= 4096),
    PRIMARY KEY (name, version)
);
