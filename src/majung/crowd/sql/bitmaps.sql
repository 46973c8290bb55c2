-- Stored bitmaps and what changed since. Every read is one statement, hence one snapshot.

-- name: read
-- The watermark of this moment, with whether bitmaps may be stored in this transaction; the stored bitmaps asked for; and the
-- changes that one of them has not seen. Changes of transactions still running at the time are applied once visible: the
-- watermark never passes the oldest of them.
WITH stored AS MATERIALIZED (
    SELECT set_key, bitmap, watermark FROM crowd_bitmap
     WHERE root_id = %(root)s AND set_key = ANY(%(keys)s::text[])
       AND watermark >= coalesce((SELECT forgot_below FROM crowd_horizon WHERE root_id = %(root)s), '0')
)
SELECT 'now' AS what,
       left((current_setting('transaction_isolation') = 'read committed'
             AND current_setting('transaction_read_only') = 'off')::text, 1) AS name,
       NULL::bytea AS bitmap, NULL::bigint AS subject, NULL::int4[] AS people, pg_snapshot_xmin(pg_current_snapshot())::text AS xid
UNION ALL
SELECT 'bitmap', set_key, bitmap, NULL, NULL, watermark::text FROM stored
UNION ALL
SELECT 'change', family, NULL, subject, people, xid::text
  FROM crowd_change
 WHERE root_id = %(root)s AND family = ANY(%(families)s::text[]) AND xid >= (SELECT min(watermark) FROM stored);

-- name: store
-- Opportunistic: skipped when another session is at it, and never backwards. A bitmap that uncommitted rows went into commits or
-- vanishes with them.
INSERT INTO crowd_bitmap AS b (root_id, set_key, bitmap, watermark, n)
SELECT %(root)s, %(key)s, %(bitmap)s, %(watermark)s::text::xid8, %(n)s
 WHERE pg_try_advisory_xact_lock(hashtext('majung.crowd_bitmap'), hashtext(%(root)s::text || '/' || %(key)s))
ON CONFLICT (root_id, set_key) DO UPDATE SET bitmap = excluded.bitmap, watermark = excluded.watermark, n = excluded.n
 WHERE b.watermark < excluded.watermark;

-- name: forget
-- Bitmaps that many changes ago were looked at last are dropped; then the changes that no bitmap left and no holder (registry.hold_changes,
-- whose SELECTs stand for the mark below) has still to see. Safe at any time: a bitmap stored later with an older watermark lies
-- below the horizon and is built anew. Returns the changes removed.
WITH position AS (
    SELECT r.root_id,
           (SELECT xid FROM crowd_change c WHERE c.root_id = r.root_id ORDER BY seq DESC OFFSET %(keep)s LIMIT 1) AS oldest_kept
      FROM (SELECT DISTINCT root_id FROM crowd_bitmap) AS r
), dropped AS (
    DELETE FROM crowd_bitmap b USING position p WHERE b.root_id = p.root_id AND b.watermark < p.oldest_kept
    RETURNING b.root_id, b.set_key
), horizon AS (
    SELECT c.root_id, least(pg_snapshot_xmin(pg_current_snapshot()), min(b.watermark),
           (SELECT min(k.watermark) FROM (SELECT 0 AS root_id, NULL::xid8 AS watermark /*holders*/) AS k WHERE k.root_id = c.root_id)) AS below
      FROM (SELECT DISTINCT root_id FROM crowd_change) AS c
      LEFT JOIN crowd_bitmap b ON b.root_id = c.root_id AND NOT EXISTS (
           SELECT FROM dropped d WHERE (d.root_id, d.set_key) = (b.root_id, b.set_key))
     GROUP BY c.root_id
), noted AS (
    INSERT INTO crowd_horizon AS h (root_id, forgot_below) SELECT root_id, below FROM horizon
    ON CONFLICT (root_id) DO UPDATE SET forgot_below = greatest(h.forgot_below, excluded.forgot_below)
)
DELETE FROM crowd_change c USING horizon h WHERE c.root_id = h.root_id AND c.xid < h.below;
