-- The weekly cap (delivery/week.py): places that campaigns hold in people's weeks.

-- name: create
-- One row for 4,096 people (person number / 4096) of one campaign on one Seoul day (days since 1970-01-01): bit k stands for the
-- k-th of them and says that a message of that day is promised to them, or was left for them. A row of a million people's campaign
-- is 512 bytes for 4,096 of them; it fits into a page fifteen times and is never compressed.
CREATE TABLE week_hold (
    root_id integer NOT NULL,
    day integer NOT NULL,
    campaign_id bigint NOT NULL,
    block integer NOT NULL CHECK (block >= 0),
    purpose text NOT NULL,
    bits bytea NOT NULL CHECK (octet_length(bits) = 512),
    PRIMARY KEY (root_id, day, campaign_id, block)
) WITH (fillfactor = 70);
ALTER TABLE week_hold ALTER COLUMN bits SET STORAGE PLAIN;
CREATE INDEX week_hold_of_campaign ON week_hold (campaign_id);

-- How many messages of a purpose a person may get in seven days, where an organisation has said so; 0 is without limit.
CREATE TABLE week_limit (
    root_id integer NOT NULL,
    purpose text NOT NULL,
    most smallint NOT NULL CHECK (most BETWEEN 0 AND 100),
    PRIMARY KEY (root_id, purpose)
);

-- Nobody is named: who asks reads the set anew.
CREATE FUNCTION week_hold_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crowd_change (root_id, family, subject) SELECT DISTINCT root_id, 'week', NULL::bigint FROM changed_rows;
    RETURN NULL;
END $$;
CREATE TRIGGER week_hold_inserted AFTER INSERT ON week_hold
    REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION week_hold_changed();
CREATE TRIGGER week_hold_updated AFTER UPDATE ON week_hold
    REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION week_hold_changed();
CREATE TRIGGER week_hold_deleted AFTER DELETE ON week_hold
    REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION week_hold_changed();

-- name: drop
DROP TABLE week_hold, week_limit;
DROP FUNCTION week_hold_changed;

-- name: limits
SELECT purpose, most FROM week_limit WHERE root_id = %(root)s;

-- name: set_limit
INSERT INTO week_limit (root_id, purpose, most) VALUES (%(root)s, %(purpose)s, %(most)s)
ON CONFLICT (root_id, purpose) DO UPDATE SET most = excluded.most;

-- name: begin_turn
SELECT pg_advisory_lock(hashtext('majung.week'), %(root)s);

-- name: end_turn
SELECT pg_advisory_unlock(hashtext('majung.week'), %(root)s);

-- name: take_turn
-- Until the transaction ends. READ COMMITTED: what follows sees what the one before has committed.
SELECT pg_advisory_xact_lock(hashtext('majung.week'), %(root)s);

-- name: has_turn
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
                 AND classid = (hashtext('majung.week')::bigint & 4294967295)::oid AND objid = %(root)s::oid);

-- name: held
-- Places around a day that other campaigns hold, of all people or of some blocks.
SELECT day, campaign_id, block, bits FROM week_hold
 WHERE root_id = %(root)s AND purpose = %(purpose)s AND day BETWEEN %(first)s AND %(last)s AND campaign_id <> %(besides)s
   AND (%(blocks)s::int[] IS NULL OR block = ANY(%(blocks)s::int[]));

-- name: own
SELECT day, block, bits FROM week_hold WHERE campaign_id = %(campaign)s AND (%(blocks)s::int[] IS NULL OR block = ANY(%(blocks)s::int[]))
   FOR UPDATE;

-- name: keep
INSERT INTO week_hold (root_id, day, campaign_id, block, purpose, bits)
SELECT %(root)s, v.day, %(campaign)s, v.block, %(purpose)s, v.bits
  FROM unnest(%(days)s::int[], %(blocks)s::int[], %(bits)s::bytea[]) AS v(day, block, bits)
ON CONFLICT (root_id, day, campaign_id, block) DO UPDATE SET bits = excluded.bits;

-- name: clear
DELETE FROM week_hold h USING unnest(%(days)s::int[], %(blocks)s::int[]) AS v(day, block)
 WHERE h.campaign_id = %(campaign)s AND h.day = v.day AND h.block = v.block;

-- name: whose
SELECT root_id, purpose FROM week_hold WHERE campaign_id = %(campaign)s LIMIT 1;

-- name: chunks
-- In order, some at a time.
SELECT chunk_no, array_send(people), outcome FROM campaign_chunk
 WHERE campaign_id = %(campaign)s AND chunk_no > %(after)s ORDER BY chunk_no LIMIT %(most)s;

-- name: forget
DELETE FROM week_hold WHERE day < %(before)s;
