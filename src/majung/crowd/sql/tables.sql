-- Tables of the change log and the stored bitmaps. Run once, by the first migration.

-- name: create
-- One row: "the membership of these people, in sets fed by this family (narrowed by subject), may have changed".
-- people NULL: too many to name, every bitmap of the family is built anew. Written by triggers, in the transaction of the change.
CREATE TABLE crowd_change (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid     xid8 NOT NULL DEFAULT pg_current_xact_id(),
    root_id int  NOT NULL,
    family  text NOT NULL CHECK (family <> ''),
    subject bigint,
    people  int4[]
);
ALTER TABLE crowd_change ALTER COLUMN people SET STORAGE EXTERNAL;
-- The one read of every evaluation: what changed in these families since a bitmap's watermark.
CREATE INDEX crowd_change_since ON crowd_change (root_id, family, xid);

-- An index, rebuildable at any time: one base set of one root as it stood for every transaction below the watermark.
CREATE TABLE crowd_bitmap (
    root_id   int    NOT NULL,
    set_key   text   NOT NULL,
    bitmap    bytea  NOT NULL,
    watermark xid8   NOT NULL,
    n         int    NOT NULL CHECK (n >= 0),
    PRIMARY KEY (root_id, set_key)
);
ALTER TABLE crowd_bitmap ALTER COLUMN bitmap SET STORAGE EXTERNAL;

-- Changes below this number have been forgotten: a bitmap with an older watermark is worthless.
CREATE TABLE crowd_horizon (
    root_id     int  PRIMARY KEY,
    forgot_below xid8 NOT NULL
);

-- name: functions
-- Writes one change; more than 20,000 people are not named (crowd.evaluate rebuilds from about there on anyway).
CREATE FUNCTION crowd_note(p_root int, p_family text, p_subject bigint, p_people bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO crowd_change (root_id, family, subject, people)
    SELECT p_root, p_family, p_subject, CASE WHEN cardinality(p_people) <= 20000 THEN p_people::int4[] END
     WHERE cardinality(p_people) > 0
$$;

-- name: drop
DROP FUNCTION crowd_note(int, text, bigint, bigint[]);
DROP TABLE crowd_horizon, crowd_bitmap, crowd_change;
