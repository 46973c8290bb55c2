-- name: apps
SELECT id, root_id, entity_id, path_token, admin_key_sealed FROM channels_kakaoapp WHERE length(admin_key_sealed) > 0;

-- name: channels
SELECT c.id, c.kakao_app_id, c.profile_id, c.search_id, c.unit_id, u.entity_id
  FROM channels_channel c JOIN tree_unit u ON u.id = c.unit_id
 WHERE c.kakao_app_id IS NOT NULL;

-- name: accounts
SELECT report_token, id, adapter FROM channels_dealeraccount WHERE state <> 'closed';

-- name: first_time
-- Keys never seen before; two processes with the same key wait for each other, and one gets it.
INSERT INTO inbound_seen (kind, key, at)
SELECT DISTINCT 'kakao', key, %(at)s::timestamptz FROM unnest(%(keys)s::bytea[]) AS key ORDER BY key
ON CONFLICT DO NOTHING
RETURNING key;

-- name: known
SELECT e.root_id, e.app, e.blind, e.person_id
  FROM unnest(%(roots)s::int[], %(apps)s::text[], %(blinds)s::bytea[]) AS w(root_id, app, blind)
  JOIN external_identity e USING (root_id, app, blind);

-- name: claim
-- Takes a person number for each identity that nobody has; an identity claimed by another at this moment is waited for
-- and then left out. Returns the numbers that must become persons.
INSERT INTO external_identity (root_id, app, blind, person_id)
SELECT root_id, app, blind, nextval(pg_get_serial_sequence('person', 'id'))
  FROM (SELECT DISTINCT * FROM unnest(%(roots)s::int[], %(apps)s::text[], %(blinds)s::bytea[]) AS w(root_id, app, blind)
         ORDER BY 1, 2, 3) AS w
ON CONFLICT DO NOTHING
RETURNING root_id, app, blind, person_id;

-- name: persons
-- People known only by what a channel told: no name, no number, no ground to write to them (basis 0).
INSERT INTO person (id, root_id, public_id, entity_id, created_at)
SELECT * FROM unnest(%(people)s::bigint[], %(roots)s::int[], %(public_ids)s::uuid[], %(entities)s::bigint[])
         AS p(id, root_id, public_id, entity_id)
  CROSS JOIN (SELECT %(at)s::timestamptz) AS t;

-- name: activity
INSERT INTO activity (root_id, at, actor_kind, kind, unit_id, person_id, object_kind, object_id)
SELECT root_id, at, 'person', kind, unit_id, person_id, 'channel', channel_id
  FROM unnest(%(roots)s::int[], %(ats)s::timestamptz[], %(kinds)s::text[], %(units)s::bigint[], %(people)s::bigint[],
              %(channels)s::bigint[]) AS a(root_id, at, kind, unit_id, person_id, channel_id);

-- name: heard_channels
UPDATE channels_channel SET heard_at = %(at)s
 WHERE id = ANY(%(channels)s) AND (heard_at IS NULL OR heard_at < %(at)s - interval '1 minute');

-- name: heard_apps
UPDATE channels_kakaoapp SET heard_at = %(at)s
 WHERE id = ANY(%(apps)s) AND (heard_at IS NULL OR heard_at < %(at)s - interval '1 minute');

-- name: reported
UPDATE channels_dealeraccount SET reported_at = %(at)s
 WHERE id = ANY(%(accounts)s) AND (reported_at IS NULL OR reported_at < %(at)s - interval '1 minute');
