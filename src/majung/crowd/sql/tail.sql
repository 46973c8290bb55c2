-- What a process that keeps sets asks before each count. One statement, hence one snapshot.

-- name: create
-- First the watermark of this moment, with the horizon, which database this is, and (subject 1) whether the transaction sees what is
-- committed and has written nothing; then the changes of transactions that were not over at p_since (none when it is NULL), but
-- those seen already. A function, because its plan is kept: planning this anew takes twice as long as doing it.
CREATE FUNCTION crowd_tail(p_root int, p_families text[], p_since xid8, p_seen bigint[])
RETURNS TABLE (xid text, seq bigint, name text, subject bigint, people int4[]) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text, NULL::bigint,
           coalesce((SELECT h.forgot_below::text FROM crowd_horizon h WHERE h.root_id = p_root), '0') || ' '
           || (SELECT d.oid::text FROM pg_database d WHERE d.datname = current_database()) || ' ' || pg_postmaster_start_time(),
           (current_setting('transaction_isolation') = 'read committed' AND pg_current_xact_id_if_assigned() IS NULL)::int::bigint,
           NULL::int4[]
    UNION ALL
    SELECT c.xid::text, c.seq, c.family, c.subject, c.people FROM crowd_change c
     WHERE c.root_id = p_root AND c.family = ANY(p_families) AND c.xid >= p_since AND c.seq <> ALL (p_seen);
END $$;

-- name: drop
DROP FUNCTION crowd_tail;

-- name: read
SELECT * FROM crowd_tail(%(root)s::int, %(families)s::text[], %(since)s::text::xid8, %(seen)s::bigint[]);
