-- name: observe
-- Newer news win, older and repeated news change nothing; of two at the same instant (webhooks tell whole seconds,
-- kakao.md §1.5) a block wins, whichever comes first. Rows are taken in order of person, so that two writers cannot
-- block each other. Returns the number of rows that are now as observed.
INSERT INTO friendship AS f (person_id, channel_id, root_id, state, seen_at, how)
SELECT DISTINCT n.person_id, n.channel_id, %(root)s::int, %(state)s::smallint, %(at)s::timestamptz, %(how)s::smallint
  FROM unnest(%(people)s::int[], %(channels)s::bigint[]) AS n(person_id, channel_id)
 ORDER BY n.person_id, n.channel_id
ON CONFLICT (person_id, channel_id) DO UPDATE
   SET state = excluded.state, seen_at = excluded.seen_at, how = excluded.how
 WHERE f.seen_at < excluded.seen_at OR (f.seen_at = excluded.seen_at AND excluded.state = 2 AND f.state <> 2);

-- name: observe_rows
-- As observe, for news of many channels at once, one for each pair. Returns the pairs that are now as observed.
WITH seen AS (
    INSERT INTO friendship AS f (person_id, channel_id, root_id, state, seen_at, how)
    SELECT n.person_id, n.channel_id, n.root_id, n.state, n.seen_at, %(how)s::smallint
      FROM unnest(%(people)s::int4[], %(channels)s::bigint[], %(roots)s::int4[], %(states)s::smallint[], %(ats)s::timestamptz[])
           AS n(person_id, channel_id, root_id, state, seen_at)
     ORDER BY n.person_id, n.channel_id
    ON CONFLICT (person_id, channel_id) DO UPDATE
       SET state = excluded.state, seen_at = excluded.seen_at, how = excluded.how
     WHERE f.seen_at < excluded.seen_at OR (f.seen_at = excluded.seen_at AND excluded.state = 2 AND f.state <> 2)
    RETURNING person_id, channel_id
)
SELECT array_agg(person_id::int4), array_agg(channel_id) FROM seen;

-- name: counts
-- Reads every friendship of the channels asked for: a page of them, not all.
SELECT channel_id, count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2)
  FROM friendship WHERE channel_id = ANY(%(channels)s) GROUP BY channel_id;
