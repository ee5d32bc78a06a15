-- What workers say of themselves. Nothing has ever been written to the table as it was.

ALTER TABLE workers
    DROP COLUMN pool,
    ADD COLUMN seq bigint NOT NULL CHECK (seq >= 0),
    ADD COLUMN occasion text NOT NULL CHECK (occasion IN ('hello', 'heartbeat', 'goodbye')),
    ADD COLUMN name text NOT NULL,
    ADD COLUMN build text NOT NULL;
