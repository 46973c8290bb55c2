-- What is to be told now.

-- name: claim
-- Takes what is due, at most %(each)s of each endpoint (or the given ones), and leases it: who dies in between has told it perhaps,
-- and it is told again under the same id.
WITH due AS (
    SELECT d.id
      FROM webhooks_endpoint e
     CROSS JOIN LATERAL (
           SELECT w.id FROM webhooks_delivery w
            WHERE w.endpoint_id = e.id AND w.course = 'waiting' AND w.next_at <= %(now)s
              AND (%(only)s::bigint[] IS NULL OR w.id = ANY(%(only)s::bigint[]))
            ORDER BY w.next_at, w.id LIMIT %(each)s FOR UPDATE SKIP LOCKED) d
     WHERE e.state = 'active'
)
UPDATE webhooks_delivery t SET next_at = %(leased_until)s, tries = t.tries + 1
  FROM due WHERE t.id = due.id
RETURNING t.id, t.endpoint_id, t.public_id::text, t.body, t.tries;

-- name: settle
-- What came of tries; only what is still leased by this round moves.
UPDATE webhooks_delivery d
   SET course = r.course, next_at = r.next_at, tries = r.tries
  FROM unnest(%(ids)s::bigint[], %(courses)s::text[], %(next)s::timestamptz[], %(tries)s::int[]) AS r(id, course, next_at, tries)
 WHERE d.id = r.id AND d.course = 'waiting' AND d.next_at = %(leased_until)s;
