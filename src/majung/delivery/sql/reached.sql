-- Who was reached by what: kept beside the chunk ledger, so that "received" and "messaged" can be asked (delivery/sets.py).

-- name: create
-- Campaigns that stand in the chunks alone: all but those whose days were folded away.
CREATE TABLE reached_open (
    root_id integer NOT NULL,
    campaign_id bigint NOT NULL,
    PRIMARY KEY (root_id, campaign_id)
);
INSERT INTO reached_open (root_id, campaign_id) SELECT root_id, campaign_id FROM dispatch;

-- Of folded campaigns: the last Seoul day on which one left for each of 512 people (person number / 512), two bytes a person
-- (high byte first, days since 1970-01-01, 0 for never). A row fits into a page four times and is never compressed.
CREATE TABLE reached_day (
    root_id integer NOT NULL,
    block integer NOT NULL,
    days bytea NOT NULL CHECK (octet_length(days) = 1024),
    PRIMARY KEY (root_id, block)
) WITH (fillfactor = 70);
ALTER TABLE reached_day ALTER COLUMN days SET STORAGE EXTERNAL;

-- name: triggers
CREATE FUNCTION dispatch_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reached_open (root_id, campaign_id) SELECT root_id, campaign_id FROM new_rows;
    RETURN NULL;
END $$;
CREATE TRIGGER dispatch_inserted AFTER INSERT ON dispatch
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION dispatch_inserted();

-- name: noting
-- Hot: runs at each step of a thousand or ten thousand messages. More than a hundred people are not named, because putting their
-- numbers together would cost a hundred times the rest; who asks then reads the set anew. Leases and claims pass at the first line.
CREATE OR REPLACE FUNCTION campaign_chunk_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    news record;
BEGIN
    FOR news IN
        SELECT n.root_id, n.campaign_id, sum(n.n) AS people, array_agg(n.chunk_no) AS chunks
          FROM new_rows n JOIN old_rows o USING (campaign_id, chunk_no)
         WHERE n.state >= 2 AND n.outcome <> o.outcome GROUP BY n.root_id, n.campaign_id
    LOOP
        IF news.people > 100 THEN
            INSERT INTO crowd_change (root_id, family, subject) VALUES (news.root_id, 'sent', news.campaign_id);
        ELSE
            PERFORM crowd_note(news.root_id, 'sent', news.campaign_id, array_agg(person))
               FROM new_rows n, unnest(n.people) AS person
              WHERE n.campaign_id = news.campaign_id AND n.chunk_no = ANY(news.chunks);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- name: noting_trigger
CREATE TRIGGER campaign_chunk_updated AFTER UPDATE ON campaign_chunk
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION campaign_chunk_updated();

-- name: drop
DROP TRIGGER campaign_chunk_updated ON campaign_chunk;
DROP TRIGGER dispatch_inserted ON dispatch;
DROP FUNCTION campaign_chunk_updated, dispatch_inserted;
DROP TABLE reached_day, reached_open;

-- name: ended
-- Campaigns whose chunks are final and whose days are not folded yet, the oldest first.
SELECT o.campaign_id FROM reached_open o JOIN dispatch d USING (campaign_id)
 WHERE d.finished_at IS NOT NULL ORDER BY o.campaign_id LIMIT %(most)s;

-- name: one_at_a_time
-- Two folds of one root would overwrite each other's rows.
SELECT pg_advisory_xact_lock(hashtext('majung.reached_day'), root_id) FROM dispatch WHERE campaign_id = %(campaign)s;

-- name: take
DELETE FROM reached_open o USING dispatch d
 WHERE o.campaign_id = %(campaign)s AND d.campaign_id = o.campaign_id AND o.root_id = d.root_id AND d.finished_at IS NOT NULL
RETURNING o.root_id;

-- name: chunks
SELECT (coalesce(handed_at, settled_at) AT TIME ZONE 'Asia/Seoul')::date - DATE '1970-01-01', array_send(people), outcome
  FROM campaign_chunk WHERE campaign_id = %(campaign)s AND state >= 2;

-- name: days
SELECT block, days FROM reached_day WHERE root_id = %(root)s AND block = ANY(%(blocks)s::int[]) FOR UPDATE;

-- name: keep
INSERT INTO reached_day (root_id, block, days)
SELECT %(root)s, v.block, v.days FROM unnest(%(blocks)s::int[], %(days)s::bytea[]) AS v(block, days)
ON CONFLICT (root_id, block) DO UPDATE SET days = excluded.days;
