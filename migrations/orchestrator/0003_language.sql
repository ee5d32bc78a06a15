-- What the rest of the language needs: outputs to fall back to. Signals are part of their saga's
-- events and values, so the table that was meant for them goes; nothing has ever written to it.

-- Outputs that a step with `on_failure: { last_good: … }` may fall back to, by operation and by a
-- digest of its input. The output itself is in saga_values. Rows are only added, so that no two
-- batches wait for each other here.
CREATE TABLE good_outputs (
    action  text        NOT NULL,
    input   bytea       NOT NULL CHECK (octet_length(input) = 32),
    at      timestamptz NOT NULL DEFAULT now(),
    saga_id uuid        NOT NULL,
    step    text        NOT NULL,
    element integer     NOT NULL,
    PRIMARY KEY (saga_id, step, element)
);

CREATE INDEX good_outputs_newest ON good_outputs (action, input, at DESC);

DROP TABLE saga_signals;
