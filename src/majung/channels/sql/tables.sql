-- name: create
-- Plain numbers, no foreign keys: the table gets big. The second index holds no state, so an update stays HOT.
CREATE TABLE friendship (
    person_id  bigint      NOT NULL,
    channel_id bigint      NOT NULL,
    root_id    int         NOT NULL,
    state      smallint    NOT NULL CHECK (state BETWEEN 1 AND 3),
    seen_at    timestamptz NOT NULL,
    how        smallint    NOT NULL CHECK (how BETWEEN 1 AND 7),
    PRIMARY KEY (person_id, channel_id)
) WITH (fillfactor = 85);
CREATE INDEX friendship_of_channel ON friendship (channel_id, person_id);

-- What came in over webhooks, stored before it is answered and folded afterwards (docs/developers/receiving.md). One row
-- holds many: a group commit of channel events, or one call of a dealer's reports, packed by channels/inbox.py; ids of
-- people stand in it as blind indexes only. Rows are taken by seq, folded and deleted in one transaction; what is too early is
-- put back with a later due_at, what cannot be folded stays, with its problem, for somebody to look at.
CREATE TABLE inbox (
    seq     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    smallint    NOT NULL CHECK (kind BETWEEN 1 AND 3),
    source  bigint      NOT NULL,
    n       int         NOT NULL CHECK (n > 0),
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at  timestamptz NOT NULL DEFAULT '-infinity',
    body    bytea       NOT NULL,
    problem text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE inbox ALTER COLUMN body SET STORAGE EXTERNAL;

-- Baskets and requests about which a dealer has reported: a hint to look, never a fact (docs/decisions/0009). Where group_ref is a
-- request key of ours, ref is what the dealer calls the request.
CREATE TABLE dealer_wake (
    account_id bigint      NOT NULL,
    group_ref  text        NOT NULL,
    ref        text        NOT NULL DEFAULT '',
    at         timestamptz NOT NULL,
    PRIMARY KEY (account_id, group_ref)
);

-- name: triggers
-- Family "friend", with the channel as subject.
CREATE FUNCTION friendship_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM crowd_note(root_id, 'friend', channel_id, array_agg(person_id)) FROM new_rows GROUP BY root_id, channel_id;
    RETURN NULL;
END $$;

-- Only a new state makes or ends a membership; a person, a channel and a root never change on a row.
CREATE FUNCTION friendship_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM old_rows o LEFT JOIN new_rows n USING (person_id, channel_id) WHERE n.root_id IS DISTINCT FROM o.root_id) THEN
        RAISE EXCEPTION 'a friendship keeps person, channel and root' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM crowd_note(n.root_id, 'friend', n.channel_id, array_agg(n.person_id))
       FROM new_rows n JOIN old_rows o USING (person_id, channel_id) WHERE n.state <> o.state GROUP BY n.root_id, n.channel_id;
    RETURN NULL;
END $$;

CREATE FUNCTION friendship_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM crowd_note(root_id, 'friend', channel_id, array_agg(person_id)) FROM old_rows GROUP BY root_id, channel_id;
    RETURN NULL;
END $$;

CREATE TRIGGER friendship_inserted AFTER INSERT ON friendship
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION friendship_inserted();
CREATE TRIGGER friendship_updated AFTER UPDATE ON friendship
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION friendship_updated();
CREATE TRIGGER friendship_deleted AFTER DELETE ON friendship
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION friendship_deleted();

-- name: channel_trigger
-- A channel that goes to another unit takes its friends into other scopes: those sets are built anew.
CREATE FUNCTION channel_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crowd_change (root_id, family)
    SELECT DISTINCT n.root_id, 'channel' FROM new_rows n JOIN old_rows o USING (id) WHERE n.unit_id <> o.unit_id;
    RETURN NULL;
END $$;
CREATE TRIGGER channel_moved AFTER UPDATE ON channels_channel
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION channel_moved();

-- name: drop_channel_trigger
DROP TRIGGER channel_moved ON channels_channel;
DROP FUNCTION channel_moved;

-- name: drop
DROP TABLE friendship, inbox, dealer_wake;
DROP FUNCTION friendship_inserted, friendship_updated, friendship_deleted;
