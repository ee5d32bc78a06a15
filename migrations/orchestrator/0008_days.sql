-- The log and the values of sagas by the day on which the saga started, so that a day whose sagas
-- are all over can be dropped instead of deleted row by row. A saga's id begins with the time, so a
-- day is a range of ids; a child has its parent's time, so both are in the same day.
--
-- `sagas` and `saga_keys` stay whole: every transition would have to open, and lock, each of their
-- partitions, where an insert opens only the one that it goes to. Their rows are deleted.

-- The lowest id that a saga could have that starts at this time.
CREATE FUNCTION first_saga_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid
$$;

ALTER TABLE saga_events RENAME TO saga_events_before;
ALTER INDEX saga_events_pkey RENAME TO saga_events_before_pkey;
DROP TRIGGER saga_events_immutable ON saga_events_before;

CREATE TABLE saga_events (LIKE saga_events_before INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (saga_id);
ALTER TABLE saga_events ADD PRIMARY KEY (saga_id, seq);
CREATE TRIGGER saga_events_immutable
    BEFORE UPDATE ON saga_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE saga_values RENAME TO saga_values_before;
ALTER INDEX saga_values_pkey RENAME TO saga_values_before_pkey;
DROP TRIGGER saga_values_immutable ON saga_values_before;

CREATE TABLE saga_values (LIKE saga_values_before INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (saga_id);
ALTER TABLE saga_values ADD PRIMARY KEY (saga_id, step, element);
CREATE TRIGGER saga_values_immutable
    BEFORE UPDATE ON saga_values
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What has no day of its own yet. Orchestrators open days ahead, so rows here are strays; they are
-- moved when their day is opened.
CREATE TABLE saga_events_default PARTITION OF saga_events DEFAULT;
CREATE TABLE saga_values_default PARTITION OF saga_values DEFAULT;

-- What was there becomes one partition up to tomorrow, named after the first day that is not in it.
-- Attaching it reads it once, under a lock.
DO $$
DECLARE
    family   text;
    tomorrow date := (now() AT TIME ZONE 'UTC')::date + 1;
    whole    text;
    filled   boolean;
BEGIN
    FOREACH family IN ARRAY ARRAY['saga_events', 'saga_values'] LOOP
        whole := family || '_before_' || to_char(tomorrow, 'YYYYMMDD');
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', family || '_before') INTO filled;
        IF filled THEN
            EXECUTE format('ALTER TABLE %I RENAME TO %I', family || '_before', whole);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)',
                family, whole, first_saga_id(tomorrow::timestamp AT TIME ZONE 'UTC'));
        ELSE
            EXECUTE format('DROP TABLE %I', family || '_before');
        END IF;
    END LOOP;
END
$$;

-- Opens a day. Returns how many rows had strayed into the default partition. Its lock stops whoever
-- writes there, which nobody does while days are opened ahead; the lock on the whole lets others
-- read and write.
CREATE FUNCTION open_day(day date) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    family  text;
    name    text;
    first   uuid := first_saga_id(day::timestamp AT TIME ZONE 'UTC');
    beyond  uuid := first_saga_id((day + 1)::timestamp AT TIME ZONE 'UTC');
    moved   bigint;
    strayed bigint := 0;
BEGIN
    PERFORM set_config('lock_timeout', '200', true);
    -- One at a time: two orchestrators may start at once. An advisory lock would not do, since who
    -- waited for one does not see the tables that were made meanwhile.
    LOCK TABLE ONLY saga_events IN SHARE UPDATE EXCLUSIVE MODE;
    FOREACH family IN ARRAY ARRAY['saga_events', 'saga_values'] LOOP
        name := family || '_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = family::regclass
              AND c.relname ~ '_before_\d{8}$'
              AND right(c.relname, 8) > to_char(day, 'YYYYMMDD'));
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING CONSTRAINTS INCLUDING INDEXES)',
            name, family);
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', family || '_default');
        EXECUTE format(
            'WITH moved AS (DELETE FROM %I WHERE saga_id >= %L AND saga_id < %L RETURNING *)
             INSERT INTO %I SELECT * FROM moved',
            family || '_default', first, beyond, name);
        GET DIAGNOSTICS moved = ROW_COUNT;
        strayed := strayed + moved;
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            family, name, first, beyond);
    END LOOP;
    RETURN strayed;
END
$$;

-- Drops the partitions of that suffix unless a saga of their ids, or a message of one, is still
-- there. False says that one is. This locks the whole table for milliseconds, and files are removed
-- after that. Whoever holds the table for longer than 200 ms makes this fail, to be tried again: who
-- waits for such a lock stops everybody behind. (A partition cannot be detached concurrently where
-- there is a default one.)
CREATE FUNCTION drop_days(suffix text, first uuid, beyond uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    family text;
BEGIN
    PERFORM set_config('lock_timeout', '200', true);
    LOCK TABLE ONLY saga_events, ONLY saga_values IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM sagas WHERE id >= first AND id < beyond)
        OR EXISTS (SELECT FROM outbox WHERE saga_id >= first AND saga_id < beyond) THEN
        RETURN false;
    END IF;
    FOREACH family IN ARRAY ARRAY['saga_events', 'saga_values'] LOOP
        -- Another orchestrator may have been here.
        CONTINUE WHEN to_regclass(family || '_' || suffix) IS NULL;
        EXECUTE format('DROP TABLE %I', family || '_' || suffix);
    END LOOP;
    RETURN true;
END
$$;

-- Sagas that started since some time are found by their ids; what is not read is not to be written.
DROP INDEX sagas_started_at;

-- Half of each page stays free for the versions of its rows that follow: sagas of one page mostly run
-- at the same time, and their state grows. With 70 % filled one in eleven of the updates that could
-- be HOT found no room; with 50 % it is one in forty.
--
-- Until a table has some size, plans for it are made for a table of unknown size: nested loops that
-- look every row up by its key. A table that was analyzed while it held ten rows is instead read
-- whole, once for each batch, by plans that live until it is analyzed again. So no table of the hot
-- path is vacuumed or analyzed before there is something to see.
ALTER TABLE sagas SET (
    fillfactor = 50,
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_analyze_threshold = 20000
);

-- An entry is written when its saga starts and once more when it ends; with a tenth of each page free
-- that touches no index.
ALTER TABLE saga_keys SET (
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_threshold = 5000,
    autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);

-- Partitions of the log and of the values have the server's own settings: their rows are written once
-- and never changed, and a vacuum that freezes them is due only every fifth of a day's growth. The
-- outbox has had its own since it was made.
