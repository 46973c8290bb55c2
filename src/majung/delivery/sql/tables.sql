-- Tables of delivery. Run by the first migration; plain numbers, no foreign keys, no personal data outside sealed bytes.

-- name: dispatch
-- One row a campaign: what is sent, under which leave, and how it stands. ``fallback``: the text that goes instead where
-- the messenger does not reach somebody, for which reasons, and at what price. Small and hot: no index but the key and one
-- partial index for the claim, which changes only when a dispatch starts or ends.
CREATE TABLE dispatch (
    campaign_id bigint PRIMARY KEY CHECK (campaign_id > 0),
    root_id integer NOT NULL,
    account_id bigint NOT NULL,
    unit_id bigint NOT NULL,
    scope_unit_id bigint NOT NULL,
    grant_id bigint,
    purpose text NOT NULL,
    medium text NOT NULL,
    occasion jsonb NOT NULL,
    template jsonb NOT NULL,
    segment jsonb NOT NULL,
    fallback jsonb,
    state text NOT NULL CHECK (state IN ('frozen', 'sending', 'paused', 'stopped', 'finished')),
    pause_reason text NOT NULL DEFAULT '',
    problem text NOT NULL DEFAULT '',
    not_before timestamptz NOT NULL,
    rest_until timestamptz NOT NULL DEFAULT 'epoch',
    watermark xid8 NOT NULL,
    rule_set text NOT NULL,
    unit_centiwon integer NOT NULL CHECK (unit_centiwon >= 0),
    worst_centiwon bigint NOT NULL CHECK (worst_centiwon >= 0),
    audience integer NOT NULL,
    left_out integer NOT NULL,
    planned integer NOT NULL,
    chunks integer NOT NULL,
    next_chunk integer NOT NULL,
    frozen_at timestamptz NOT NULL,
    first_claim_at timestamptz,
    last_settled_at timestamptz,
    finished_at timestamptz,
    CHECK (audience = left_out + planned),
    CHECK ((state = 'paused') = (pause_reason <> ''))
) WITH (fillfactor = 50);
CREATE INDEX dispatch_open ON dispatch (campaign_id) WHERE finished_at IS NULL;

-- name: left_out
-- One row a set: people of one campaign with one reason. Stages: freeze, hand_over (dropped by policy), stop.
CREATE TABLE campaign_left_out (
    campaign_id bigint NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    root_id integer NOT NULL,
    stage text NOT NULL CHECK (stage IN ('freeze', 'hand_over', 'stop')),
    reason text NOT NULL CHECK (reason <> ''),
    n integer NOT NULL CHECK (n > 0),
    people integer[] NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, seq),
    CHECK (cardinality(people) = n)
);
ALTER TABLE campaign_left_out ALTER COLUMN people SET STORAGE EXTERNAL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON campaign_left_out FOR EACH ROW EXECUTE FUNCTION majung_append_only();

-- name: chunk
-- One row a chunk of at most 1,000 people of one channel: the ledger of what leaves (architecture, idea 4).
-- ``outcome`` has one byte a person in the order of ``people`` (outcomes.py); ``sealed`` are the personal
-- values of these people (sealed.py), and is emptied when the chunk is settled. ``lease_until``: of a claimed
-- chunk, until when its worker is believed to live; of a handed one, when to look at its group next. Whoever was changed
-- by transactions from ``watermark`` on (but ``made_by``, which wrote the chunk) is judged again at hand-over.
-- ``off_route``: the channel is neither of these people's home units nor of one above them, but of a unit elsewhere whose
-- friends they are. ``ahead``: the channels that follow on these people's route, the next one first; ``open_ahead`` has one byte
-- a person, whose k-th bit says that the k-th of them was free to use when the list was frozen. ``told_at``: since when the
-- provider's "not a friend" of somebody here waits to be noted as a friendship (``observations``), ``noted_by``: the transaction that last did.
-- ``message_kind`` and ``unit_centiwon``: what each of these people is sent, and what one costs. ``parent_chunk``: these are texts
-- for people of that chunk whom the messenger did not reach; the channel is the one whose message did not arrive.
CREATE TABLE campaign_chunk (
    campaign_id bigint NOT NULL,
    chunk_no integer NOT NULL CHECK (chunk_no > 0),
    wave smallint NOT NULL CHECK (wave > 0),
    root_id integer NOT NULL,
    channel_id bigint NOT NULL,
    message_kind text NOT NULL CHECK (message_kind <> ''),
    unit_centiwon integer NOT NULL CHECK (unit_centiwon >= 0),
    parent_chunk integer CHECK (parent_chunk > 0 AND parent_chunk < chunk_no),
    off_route boolean NOT NULL DEFAULT false,
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    attempt smallint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    worker text,
    group_ref text,
    n integer NOT NULL CHECK (n BETWEEN 1 AND 1000),
    first_person integer NOT NULL,
    last_person integer NOT NULL,
    people integer[] NOT NULL,
    sealed bytea,
    outcome bytea NOT NULL,
    ahead bigint[] NOT NULL DEFAULT '{}' CHECK (cardinality(ahead) <= 8),
    open_ahead bytea,
    told_at timestamptz,
    noted_by xid8,
    request_hash bytea,
    watermark xid8 NOT NULL,
    made_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    rule_set text,
    judged_at timestamptz,
    handed_at timestamptz,
    settled_at timestamptz,
    PRIMARY KEY (campaign_id, chunk_no),
    CHECK (cardinality(people) = n AND octet_length(outcome) = n),
    CHECK (CASE WHEN ahead = '{}' THEN open_ahead IS NULL ELSE octet_length(open_ahead) = n END),
    CHECK (state IN (0, 3) OR (lease_until IS NOT NULL AND worker IS NOT NULL)),
    CHECK (state <> 2 OR group_ref IS NOT NULL),
    CHECK (parent_chunk IS NULL OR wave > 1)
) PARTITION BY RANGE (campaign_id);
ALTER TABLE campaign_chunk ALTER COLUMN people SET STORAGE EXTERNAL;
ALTER TABLE campaign_chunk ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE campaign_chunk ALTER COLUMN outcome SET STORAGE EXTERNAL;
ALTER TABLE campaign_chunk ALTER COLUMN open_ahead SET STORAGE EXTERNAL;
-- Partitions keep every byte column out of line, however short the row: a lease or a group's id then rewrites 200 bytes, not 2,000.
-- The claim walks only over what is ready (perf.md e, trap 2), the recovery only over what is out.
CREATE INDEX campaign_chunk_ready ON campaign_chunk (campaign_id, chunk_no) WHERE state = 0;
CREATE INDEX campaign_chunk_out ON campaign_chunk (campaign_id, chunk_no) WHERE state IN (1, 2);
CREATE INDEX campaign_chunk_told ON campaign_chunk (told_at) WHERE told_at IS NOT NULL;
CREATE TABLE campaign_chunk_rest PARTITION OF campaign_chunk DEFAULT WITH (fillfactor = 70, toast_tuple_target = 128);

-- name: ahead
-- Makes the partitions of 64 campaigns each that are missing up to campaign ``upto``; retention detaches and drops them.
-- Rows that were caught by the default partition keep their range there (doctor says so). Returns how many were made.
CREATE FUNCTION campaign_chunk_ahead(upto bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    made integer := 0;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('campaign_chunk_ahead'));
    FOR block IN greatest(upto / 64 - 8, 0) .. upto / 64 LOOP
        part := 'campaign_chunk_' || block;
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        CONTINUE WHEN EXISTS (SELECT FROM campaign_chunk_rest WHERE campaign_id / 64 = block);
        EXECUTE format('CREATE TABLE %I PARTITION OF campaign_chunk FOR VALUES FROM (%s) TO (%s) WITH (fillfactor = 70, toast_tuple_target = 128)',
                       part, block * 64, (block + 1) * 64);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- name: outcome_count
-- How many people of a chunk have the outcome with this letter.
CREATE FUNCTION outcome_count(outcome bytea, letter text) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN octet_length(outcome) - length(replace(convert_from(outcome, 'LATIN1'), letter, ''));

-- name: exception
-- Rows only for what is not plain success: refusals with their code, drops with their reason, known repeats.
CREATE TABLE chunk_exception (
    campaign_id bigint NOT NULL,
    chunk_no integer NOT NULL,
    seq smallint NOT NULL,
    attempt smallint NOT NULL,
    code text NOT NULL CHECK (code <> ''),
    person_id integer NOT NULL,
    detail text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, chunk_no, seq, attempt, code)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON chunk_exception FOR EACH ROW EXECUTE FUNCTION majung_append_only();

-- name: cost
-- Money of a chunk: charged when handed over, given back where the dealer did not deliver, at the price of its kind of
-- message. Minus is money back.
CREATE TABLE cost_entry (
    campaign_id bigint NOT NULL,
    chunk_no integer NOT NULL,
    attempt smallint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('charged', 'returned')),
    message_kind text NOT NULL,
    root_id integer NOT NULL,
    account_id bigint NOT NULL,
    unit_id bigint NOT NULL,
    n integer NOT NULL CHECK (n > 0),
    centiwon bigint NOT NULL CHECK ((kind = 'charged') = (centiwon >= 0)),
    at timestamptz NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (campaign_id, seq)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON cost_entry FOR EACH ROW EXECUTE FUNCTION majung_append_only();

-- name: left
-- By the database's clock: when the key of what leaves at once was committed, and when it was known to have left (ledger.sql, "key").
ALTER TABLE campaign_chunk ADD COLUMN keyed_at timestamptz, ADD COLUMN left_at timestamptz;
UPDATE campaign_chunk SET keyed_at = judged_at, left_at = handed_at WHERE state IN (1, 2);

-- name: once
-- An attempt of a chunk is charged once, whoever writes that it left. And what is out is found by the group that it is in.
CREATE UNIQUE INDEX cost_charged_once ON cost_entry (campaign_id, chunk_no, attempt) WHERE kind = 'charged';
DROP INDEX campaign_chunk_out;
CREATE INDEX campaign_chunk_out ON campaign_chunk (campaign_id, group_ref) WHERE state IN (1, 2);

-- name: kept
-- What proves later what was sent, and to whom (docs/decisions/0046): written at the freeze and never changed. After, not before: a trigger
-- before a row locks it, also where none of these columns is named.
CREATE TRIGGER kept AFTER UPDATE OF root_id, unit_id, purpose, medium, occasion, template, segment, fallback, rule_set, unit_centiwon, audience,
    planned, frozen_at ON dispatch FOR EACH ROW EXECUTE FUNCTION majung_append_only();
CREATE TRIGGER kept AFTER UPDATE OF root_id, channel_id, message_kind, unit_centiwon, parent_chunk, n, people ON campaign_chunk
    FOR EACH ROW EXECUTE FUNCTION majung_append_only();

-- name: not_kept
DROP TRIGGER kept ON campaign_chunk;
DROP TRIGGER kept ON dispatch;

-- name: not_once
DROP INDEX cost_charged_once, campaign_chunk_out;
CREATE INDEX campaign_chunk_out ON campaign_chunk (campaign_id, chunk_no) WHERE state IN (1, 2);

-- name: not_left
ALTER TABLE campaign_chunk DROP COLUMN keyed_at, DROP COLUMN left_at;

-- name: drop
DROP TABLE cost_entry, chunk_exception, campaign_chunk, campaign_left_out, dispatch;
DROP FUNCTION campaign_chunk_ahead, outcome_count;
