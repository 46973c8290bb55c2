-- The planner's statements. All run in one REPEATABLE READ transaction, so they see the same people.

-- name: units
SELECT id, path FROM tree_unit WHERE root_id = %(root)s;

-- name: holders
-- Everybody who holds a number (or address) that one of these people shares.
SELECT DISTINCT o.blind, o.person_id::int4
  FROM contact_point c JOIN contact_point o USING (root_id, kind, blind)
 WHERE c.root_id = %(root)s AND c.kind = %(kind)s AND c.person_id = ANY(%(people)s::bigint[]);

-- name: watermark
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: dispatch
INSERT INTO dispatch (campaign_id, root_id, account_id, unit_id, scope_unit_id, grant_id, purpose, medium, occasion, template,
                      segment, fallback, state, not_before, watermark, rule_set, unit_centiwon, worst_centiwon, audience, left_out,
                      planned, chunks, next_chunk, frozen_at)
VALUES (%(campaign)s, %(root)s, %(account)s, %(unit)s, %(scope)s, %(grant)s, %(purpose)s, %(medium)s, %(occasion)s,
        %(template)s, %(segment)s, %(fallback)s, 'frozen', %(not_before)s, %(watermark)s::xid8, %(rule_set)s, %(unit_centiwon)s,
        %(worst_centiwon)s, %(audience)s, %(left_out)s, %(planned)s, %(chunks)s, %(chunks)s + 1, %(at)s);

-- name: turn
INSERT INTO dispatch_turn (campaign_id, unit_id, entity_id) VALUES (%(campaign)s, %(unit)s, %(entity)s);

-- name: sums
-- What was really written down, for comparing with what was meant.
SELECT (SELECT count(*) FROM campaign_chunk WHERE campaign_id = %(campaign)s),
       (SELECT coalesce(sum(n), 0) FROM campaign_chunk WHERE campaign_id = %(campaign)s),
       (SELECT coalesce(sum(outcome_count(outcome, 'n')), 0) FROM campaign_chunk WHERE campaign_id = %(campaign)s),
       (SELECT coalesce(sum(n), 0) FROM campaign_left_out WHERE campaign_id = %(campaign)s);
