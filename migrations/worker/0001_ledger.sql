-- One row per piece of work that this pool has touched: the worker's idempotency table.
--
-- The key is never the attempt and never the message: every attempt and every duplicate of one
-- piece of work meets the same row. Saga ids are time-ordered, so old rows can be retired by
-- dropping partitions; rows that no partition claims land in the default one.
CREATE TABLE step_ledger (
    saga_id       uuid        NOT NULL,
    step          text        NOT NULL,
    element       integer     NOT NULL,
    op            text        NOT NULL CHECK (op IN ('action', 'compensate')),
    round         integer     NOT NULL,
    state         text        NOT NULL CHECK (state IN ('started', 'applied', 'rejected', 'blocked')),
    -- applied: the output; rejected: the error; started: the error that released the claim.
    -- An applied row without a result had an output that was too large to be answered.
    result        json,
    -- The rest says who did it: for fencing while it is started, for the audit afterwards.
    attempt       integer     NOT NULL,
    worker_id     text        NOT NULL,
    claim_epoch   bigint      NOT NULL DEFAULT 1 CHECK (claim_epoch >= 1),
    claimed_until timestamptz NOT NULL DEFAULT now(),
    released      boolean     NOT NULL DEFAULT false,
    started_at    timestamptz NOT NULL DEFAULT now(),
    recorded_at   timestamptz,
    PRIMARY KEY (saga_id, step, element, op, round),
    CHECK (state = 'started' OR NOT released),
    CHECK (state <> 'rejected' OR result IS NOT NULL)
) PARTITION BY RANGE (saga_id);

CREATE TABLE step_ledger_default PARTITION OF step_ledger DEFAULT WITH (fillfactor = 70);

-- Workers that hold claims. A claim is over when its own time and its worker's lease have ended.
CREATE TABLE worker_leases (
    worker_id  text        PRIMARY KEY,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
