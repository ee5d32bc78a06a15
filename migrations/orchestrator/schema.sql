-- What the migrations in this folder make of an empty schema. Rendered by a test; do not edit.

CREATE TABLE api_tokens (
    id uuid NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_tokens_hash_key UNIQUE (hash),
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT api_tokens_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 200))),
    CONSTRAINT api_tokens_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'admin'::text])))
);
CREATE UNIQUE INDEX api_tokens_name ON api_tokens USING btree (name) WHERE (revoked_at IS NULL);

CREATE TABLE audit_log (
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    request text NOT NULL,
    answers bigint,
    phase text NOT NULL,
    who text NOT NULL,
    on_behalf_of text,
    role text NOT NULL,
    verb text NOT NULL,
    target text NOT NULL,
    saga_id uuid,
    reason text,
    before_state text,
    before_version bigint,
    after_state text,
    after_version bigint,
    detail text,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (seq),
    CONSTRAINT audit_log_check CHECK ((answers < seq)),
    CONSTRAINT audit_log_detail_check CHECK ((octet_length(detail) <= 4096)),
    CONSTRAINT audit_log_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT audit_log_on_behalf_of_check CHECK ((octet_length(on_behalf_of) <= 1024)),
    CONSTRAINT audit_log_phase_check CHECK ((phase = ANY (ARRAY['asked'::text, 'done'::text, 'refused'::text, 'failed'::text, 'denied'::text]))),
    CONSTRAINT audit_log_previous_check CHECK ((octet_length(previous) = 32)),
    CONSTRAINT audit_log_reason_check CHECK ((octet_length(reason) <= 4096)),
    CONSTRAINT audit_log_request_check CHECK ((octet_length(request) <= 200)),
    CONSTRAINT audit_log_seq_check CHECK ((seq > 0)),
    CONSTRAINT audit_log_target_check CHECK ((octet_length(target) <= 4096)),
    CONSTRAINT audit_log_who_check CHECK ((octet_length(who) <= 1024))
);
CREATE INDEX audit_log_answers ON audit_log USING btree (answers) WHERE (answers IS NOT NULL);
CREATE INDEX audit_log_at ON audit_log USING btree (at);
CREATE INDEX audit_log_saga ON audit_log USING btree (saga_id, seq) WHERE (saga_id IS NOT NULL);
CREATE INDEX audit_log_verb ON audit_log USING btree (verb, seq);
CREATE INDEX audit_log_who ON audit_log USING btree (who, seq);
CREATE TRIGGER audit_log_immutable BEFORE DELETE OR UPDATE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_not_truncated BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE dead_letters (
    id uuid NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    saga_id uuid,
    queue text NOT NULL,
    reason text NOT NULL,
    fingerprint text NOT NULL,
    properties json NOT NULL,
    body bytea NOT NULL,
    handled_at timestamp with time zone,
    handled_how text,
    handled_by text,
    handled_reason text,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (id),
    CONSTRAINT dead_letters_handled CHECK ((((handled_at IS NULL) = (handled_how IS NULL)) AND ((handled_at IS NULL) = (handled_by IS NULL)) AND ((handled_at IS NULL) = (handled_reason IS NULL)) AND ((handled_how = ANY (ARRAY['replayed'::text, 'dropped'::text])) IS NOT FALSE))) NOT VALID
);
CREATE INDEX dead_letters_fingerprint ON dead_letters USING btree (fingerprint, received_at);
CREATE INDEX dead_letters_handled_at ON dead_letters USING btree (handled_at, id) WHERE (handled_at IS NOT NULL);
CREATE INDEX dead_letters_open ON dead_letters USING btree (fingerprint, received_at) WHERE (handled_at IS NULL);
CREATE INDEX dead_letters_received_at ON dead_letters USING btree (received_at, id);
CREATE INDEX dead_letters_saga_id ON dead_letters USING btree (saga_id) WHERE (saga_id IS NOT NULL);

CREATE TABLE definition_retirements (
    name text NOT NULL,
    version text NOT NULL,
    retired_at timestamp with time zone DEFAULT now() NOT NULL,
    who text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT definition_retirements_pkey PRIMARY KEY (name, version),
    CONSTRAINT definition_retirements_reason_check CHECK ((octet_length(reason) <= 4096)),
    CONSTRAINT definition_retirements_who_check CHECK ((octet_length(who) <= 1024))
);

CREATE TABLE good_outputs (
    action text NOT NULL,
    input bytea NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    saga_id uuid NOT NULL,
    step text NOT NULL,
    element integer NOT NULL,
    CONSTRAINT good_outputs_pkey PRIMARY KEY (saga_id, step, element),
    CONSTRAINT good_outputs_input_check CHECK ((octet_length(input) = 32))
);
CREATE INDEX good_outputs_newest ON good_outputs USING btree (action, input, at DESC);

CREATE TABLE orchestrators (
    id uuid NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT now() NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    CONSTRAINT orchestrators_pkey PRIMARY KEY (id)
);

CREATE TABLE outbox (
    saga_id uuid NOT NULL,
    seq bigint NOT NULL,
    owner uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    properties text NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (saga_id, seq),
    CONSTRAINT outbox_seq_check CHECK ((seq > 0))
) WITH (autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0);

CREATE TABLE reply_queues (
    number integer NOT NULL,
    orchestrator uuid NOT NULL,
    CONSTRAINT reply_queues_pkey PRIMARY KEY (number),
    CONSTRAINT reply_queues_number_check CHECK ((number > 0))
);

CREATE TABLE saga_definitions (
    name text NOT NULL,
    version text NOT NULL,
    major bigint NOT NULL,
    minor bigint NOT NULL,
    patch bigint NOT NULL,
    prerelease text NOT NULL,
    digest text NOT NULL,
    source text NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT saga_definitions_pkey PRIMARY KEY (name, version),
    CONSTRAINT saga_definitions_digest_check CHECK ((digest ~ '^[0-9a-f]{64}$'::text))
);
CREATE TRIGGER saga_definitions_immutable BEFORE DELETE OR UPDATE ON saga_definitions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER saga_definitions_not_truncated BEFORE TRUNCATE ON saga_definitions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE saga_events (
    saga_id uuid NOT NULL,
    seq bigint NOT NULL,
    schema smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    data json NOT NULL,
    kept json,
    CONSTRAINT saga_events_pkey PRIMARY KEY (saga_id, seq),
    CONSTRAINT saga_events_schema_check CHECK ((schema > 0)),
    CONSTRAINT saga_events_seq_check CHECK ((seq > 0))
) PARTITION BY RANGE (saga_id);
CREATE TRIGGER saga_events_immutable BEFORE UPDATE ON saga_events FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE saga_events_default (
    saga_id uuid NOT NULL,
    seq bigint NOT NULL,
    schema smallint NOT NULL,
    at timestamp with time zone NOT NULL,
    data json NOT NULL,
    kept json,
    CONSTRAINT saga_events_default_pkey PRIMARY KEY (saga_id, seq),
    CONSTRAINT saga_events_schema_check CHECK ((schema > 0)),
    CONSTRAINT saga_events_seq_check CHECK ((seq > 0))
) PARTITION OF saga_events DEFAULT;
CREATE TRIGGER saga_events_immutable BEFORE UPDATE ON saga_events_default FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE saga_keys (
    definition text NOT NULL,
    key text NOT NULL,
    saga_id uuid NOT NULL,
    end_status text,
    CONSTRAINT saga_keys_pkey PRIMARY KEY (definition, key),
    CONSTRAINT saga_keys_end_status_check CHECK ((end_status = ANY (ARRAY['completed'::text, 'compensated'::text, 'terminated'::text]))),
    CONSTRAINT saga_keys_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 1024)))
) WITH (fillfactor=90, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_insert_threshold=5000, autovacuum_analyze_threshold=5000, autovacuum_vacuum_cost_delay=0);

CREATE TABLE saga_values (
    saga_id uuid NOT NULL,
    step text NOT NULL,
    element integer NOT NULL,
    value json NOT NULL,
    CONSTRAINT saga_values_pkey PRIMARY KEY (saga_id, step, element),
    CONSTRAINT saga_values_element_check CHECK ((element >= 0))
) PARTITION BY RANGE (saga_id);
CREATE TRIGGER saga_values_immutable BEFORE UPDATE ON saga_values FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE saga_values_default (
    saga_id uuid NOT NULL,
    step text NOT NULL,
    element integer NOT NULL,
    value json NOT NULL,
    CONSTRAINT saga_values_default_pkey PRIMARY KEY (saga_id, step, element),
    CONSTRAINT saga_values_element_check CHECK ((element >= 0))
) PARTITION OF saga_values DEFAULT;
CREATE TRIGGER saga_values_immutable BEFORE UPDATE ON saga_values_default FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE sagas (
    id uuid NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    definition text NOT NULL,
    definition_version text NOT NULL,
    key text,
    labels jsonb NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    wake_at timestamp with time zone,
    state json NOT NULL,
    CONSTRAINT sagas_pkey PRIMARY KEY (id),
    CONSTRAINT sagas_closed_never_wakes CHECK (((ended_at IS NULL) OR (wake_at IS NULL))),
    CONSTRAINT sagas_ended_when_closed CHECK (((ended_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'compensated'::text, 'terminated'::text])))),
    CONSTRAINT sagas_key_check CHECK (((octet_length(key) >= 1) AND (octet_length(key) <= 1024))),
    CONSTRAINT sagas_labels_check CHECK ((jsonb_typeof(labels) = 'object'::text)),
    CONSTRAINT sagas_status_check CHECK ((status = ANY (ARRAY['running'::text, 'paused'::text, 'compensating'::text, 'completed'::text, 'compensated'::text, 'compensation_failed'::text, 'terminated'::text]))),
    CONSTRAINT sagas_version_check CHECK ((version > 0))
) WITH (autovacuum_vacuum_scale_factor=0.01, autovacuum_vacuum_insert_scale_factor=0.05, autovacuum_analyze_scale_factor=0.02, autovacuum_vacuum_cost_delay=0, fillfactor=50, autovacuum_vacuum_threshold=20000, autovacuum_vacuum_insert_threshold=20000, autovacuum_analyze_threshold=20000);
CREATE INDEX sagas_definition ON sagas USING btree (definition, id);
CREATE INDEX sagas_key ON sagas USING btree (key, id) WHERE (key IS NOT NULL);
CREATE INDEX sagas_labels ON sagas USING gin (labels jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX sagas_status ON sagas USING btree (status, id) WHERE (status <> 'completed'::text);
CREATE INDEX sagas_wake_at ON sagas USING btree (wake_at) WHERE (wake_at IS NOT NULL);

CREATE TABLE workers (
    id text NOT NULL,
    operations json NOT NULL,
    running json DEFAULT '[]'::json NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT now() NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    seq bigint NOT NULL,
    occasion text NOT NULL,
    name text NOT NULL,
    build text NOT NULL,
    draining json,
    CONSTRAINT workers_pkey PRIMARY KEY (id),
    CONSTRAINT workers_occasion_check CHECK ((occasion = ANY (ARRAY['hello'::text, 'heartbeat'::text, 'goodbye'::text]))),
    CONSTRAINT workers_seq_check CHECK ((seq >= 0))
);

CREATE VIEW saga_data AS
 SELECT saga_values.saga_id,
    saga_values.step,
    saga_values.element,
    saga_values.value
   FROM saga_values
UNION ALL
 SELECT e.saga_id,
    (k.name ->> 0) AS step,
    ((k.name ->> 1))::integer AS element,
    ((e.kept -> 'is'::text) -> ((k.number - 1))::integer) AS value
   FROM (saga_events e
     CROSS JOIN LATERAL json_array_elements((e.kept -> 'of'::text)) WITH ORDINALITY k(name, number))
  WHERE (e.kept IS NOT NULL);

CREATE VIEW saga_history AS
 SELECT e.saga_id,
    ((e.seq + k.number) - 1) AS seq,
    e.schema,
    e.at,
    k.data
   FROM (saga_events e
     CROSS JOIN LATERAL json_array_elements(
        CASE
            WHEN (e.schema = 1) THEN json_build_array(e.data)
            ELSE e.data
        END) WITH ORDINALITY k(data, number));

CREATE OR REPLACE FUNCTION drop_days(suffix text, first uuid, beyond uuid)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION first_saga_id(at timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
    SELECT (lpad(to_hex(least(greatest(floor(extract(epoch FROM at) * 1000), 0),
                              281474976710655)::bigint), 12, '0')
            || repeat('0', 20))::uuid
$function$;

CREATE OR REPLACE FUNCTION open_day(day date)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '% is never changed: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$function$;
