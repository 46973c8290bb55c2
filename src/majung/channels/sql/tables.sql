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

CREATE TABLE inbound_seen (
    kind text        NOT NULL,
    key  bytea       NOT NULL,
    at   timestamptz NOT NULL,
    PRIMARY KEY (kind, key)
);

-- name: triggers
-- One change row a channel and one for "any channel": who reads the log finds the sets that may have changed.
CREATE FUNCTION friendship_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crowd_change (root_id, family, subject, people)
    SELECT root_id, 'friend', channel_id, array_agg(person_id::int4) FROM new_rows GROUP BY root_id, channel_id
    UNION ALL
    SELECT root_id, 'friend_any', NULL, array_agg(DISTINCT person_id::int4) FROM new_rows GROUP BY root_id;
    RETURN NULL;
END $$;

CREATE FUNCTION friendship_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crowd_change (root_id, family, subject, people)
    WITH moved AS (
        SELECT n.root_id, n.channel_id, n.person_id
          FROM new_rows n JOIN old_rows o USING (person_id, channel_id)
         WHERE n.state <> o.state
    )
    SELECT root_id, 'friend', channel_id, array_agg(person_id::int4) FROM moved GROUP BY root_id, channel_id
    UNION ALL
    SELECT root_id, 'friend_any', NULL, array_agg(DISTINCT person_id::int4) FROM moved GROUP BY root_id;
    RETURN NULL;
END $$;

CREATE FUNCTION friendship_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crowd_change (root_id, family, subject, people)
    SELECT root_id, 'friend', channel_id, array_agg(person_id::int4) FROM old_rows GROUP BY root_id, channel_id
    UNION ALL
    SELECT root_id, 'friend_any', NULL, array_agg(DISTINCT person_id::int4) FROM old_rows GROUP BY root_id;
    RETURN NULL;
END $$;

CREATE TRIGGER friendship_inserted AFTER INSERT ON friendship
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION friendship_inserted();
CREATE TRIGGER friendship_updated AFTER UPDATE ON friendship
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION friendship_updated();
CREATE TRIGGER friendship_deleted AFTER DELETE ON friendship
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION friendship_deleted();

-- name: drop
DROP TABLE friendship, inbound_seen;
DROP FUNCTION friendship_inserted, friendship_updated, friendship_deleted;
