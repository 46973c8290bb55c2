-- Writing to the stream and reading from it.

-- name: append
INSERT INTO activity (root_id, at, actor_kind, actor_id, kind, unit_id, person_id, object_kind, object_id, facts, people)
VALUES (%(root)s, %(at)s, %(actor_kind)s, %(actor_id)s, %(kind)s, %(unit)s, %(person)s, %(object_kind)s, %(object)s,
        %(facts)s::text::jsonb, %(people)s::int[])
RETURNING seq;

-- name: read_since
-- Only rows of transactions older than every one still running: none can appear before the cursor later. Reads, locks nothing.
SELECT xid::text::bigint, seq, root_id, at, actor_kind, actor_id, kind, unit_id, person_id, object_kind, object_id, facts::text, people
  FROM activity
 WHERE (xid, seq) > (%(xid)s::text::xid8, %(seq)s)
   AND xid < pg_snapshot_xmin(pg_current_snapshot())
   AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
 ORDER BY xid, seq
 LIMIT %(limit)s;

-- name: horizon
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
