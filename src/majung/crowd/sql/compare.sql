-- Stored bitmaps held against SQL (crowd/compare.py).

-- name: create
ALTER TABLE crowd_bitmap ADD COLUMN compared_at timestamptz;
-- Whom a stored bitmap had too many of, or lacked, when it was compared; mended since. Kept for ever: it should be empty.
CREATE TABLE crowd_difference (
    root_id  int         NOT NULL,
    set_key  text        NOT NULL,
    found_at timestamptz NOT NULL,
    lacking  int         NOT NULL CHECK (lacking >= 0),
    surplus  int         NOT NULL CHECK (surplus >= 0),
    PRIMARY KEY (root_id, set_key, found_at)
);

-- name: drop
DROP TABLE crowd_difference;
ALTER TABLE crowd_bitmap DROP COLUMN compared_at;

-- name: due
-- The longest not compared first.
SELECT root_id, set_key FROM crowd_bitmap ORDER BY compared_at NULLS FIRST, root_id, set_key;

-- name: discard
DELETE FROM crowd_bitmap WHERE root_id = %(root)s AND set_key = %(key)s;

-- name: record
-- And whoever keeps the set, or has a list frozen from it, is told that these people may have changed.
WITH noted AS (
    INSERT INTO crowd_difference (root_id, set_key, found_at, lacking, surplus)
    VALUES (%(root)s, %(key)s, %(at)s, %(lacking)s, %(surplus)s)
)
SELECT crowd_note(%(root)s, family, NULL, %(people)s::bigint[]) FROM unnest(%(families)s::text[]) AS family;

-- name: compared
UPDATE crowd_bitmap SET compared_at = %(at)s WHERE root_id = %(root)s AND set_key = %(key)s;
