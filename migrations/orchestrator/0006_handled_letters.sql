-- What became of dead letters: replayed or dropped, by whom and why. A letter stays on record, since
-- its id tells a message that comes again.
ALTER TABLE dead_letters
    ADD COLUMN handled_at     timestamptz,
    ADD COLUMN handled_how    text,
    ADD COLUMN handled_by     text,
    ADD COLUMN handled_reason text;

ALTER TABLE dead_letters
    ADD CONSTRAINT dead_letters_handled CHECK (
        (handled_at IS NULL) = (handled_how IS NULL)
        AND (handled_at IS NULL) = (handled_by IS NULL)
        AND (handled_at IS NULL) = (handled_reason IS NULL)
        AND (handled_how IN ('replayed', 'dropped')) IS NOT FALSE
    ) NOT VALID;

-- Listings go from the newest to the oldest; groups look at what is left to do only.
CREATE INDEX dead_letters_received_at ON dead_letters (received_at, id);
CREATE INDEX dead_letters_open ON dead_letters (fingerprint, received_at)
    WHERE handled_at IS NULL;
