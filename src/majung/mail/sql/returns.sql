-- Addresses from which letters came back.

-- name: create
CREATE TABLE mail_returned (
    root_id     int         NOT NULL,
    blind       bytea       NOT NULL CHECK (octet_length(blind) = 16),
    since       timestamptz NOT NULL,
    status      text        NOT NULL CHECK (status ~ '^5\.\d{1,3}\.\d{1,3}$'),
    campaign_id bigint,
    PRIMARY KEY (root_id, blind)
);

-- Family "contact": whoever holds the address can be written to no longer, or again.
CREATE FUNCTION mail_returned_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM crowd_note(r.root_id, 'contact', NULL, array_agg(c.person_id))
       FROM rows r JOIN contact_point c ON c.root_id = r.root_id AND c.kind = 3 AND c.blind = r.blind GROUP BY r.root_id;
    RETURN NULL;
END $$;
CREATE TRIGGER mail_returned_inserted AFTER INSERT ON mail_returned
    REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION mail_returned_changed();
CREATE TRIGGER mail_returned_deleted AFTER DELETE ON mail_returned
    REFERENCING OLD TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION mail_returned_changed();

-- name: drop
DROP TABLE mail_returned;
DROP FUNCTION mail_returned_changed;

-- name: mark
-- The address of that person, if it is one of those the return speaks of and the person still holds it. Comes twice without harm.
INSERT INTO mail_returned (root_id, blind, since, status, campaign_id)
SELECT c.root_id, c.blind, %(at)s, %(status)s, %(campaign)s
  FROM contact_point c
 WHERE c.root_id = %(root)s AND c.person_id = %(person)s AND c.kind = 3 AND c.blind = ANY(%(blinds)s::bytea[])
ON CONFLICT DO NOTHING
RETURNING blind;

-- name: clear
-- Somebody made sure that the address is right.
DELETE FROM mail_returned m USING contact_point c
 WHERE m.root_id = %(root)s AND c.root_id = m.root_id AND c.kind = 3 AND c.blind = m.blind AND c.person_id = ANY(%(people)s::bigint[])
RETURNING c.person_id;
