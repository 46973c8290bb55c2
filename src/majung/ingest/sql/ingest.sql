-- name: apps
SELECT id, root_id, entity_id, path_token, admin_key_sealed FROM channels_kakaoapp WHERE length(admin_key_sealed) > 0;

-- name: channels
SELECT id, kakao_app_id, profile_id, search_id, unit_id FROM channels_channel WHERE kakao_app_id IS NOT NULL;

-- name: accounts
SELECT report_token, id FROM channels_dealeraccount WHERE state <> 'closed';

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

-- name: refuse
-- A block is a refusal of advertising by channel message to the entity that runs it (law.md ADV-11, KKO-09). A refusal that
-- stands already is not written again.
INSERT INTO refusal_entry (person_id, root_id, entity_id, medium, act, path, at, proof, actor_kind)
SELECT DISTINCT ON (n.person_id, n.entity_id)
       n.person_id, n.root_id, n.entity_id, 'KAKAO_AD', 'refused', 'block', n.at, jsonb_build_object('channel', n.channel_id), 'person'
  FROM unnest(%(roots)s::int[], %(people)s::bigint[], %(entities)s::bigint[], %(channels)s::bigint[], %(ats)s::timestamptz[])
       AS n(root_id, person_id, entity_id, channel_id, at)
 WHERE NOT EXISTS (SELECT FROM refusal r
                    WHERE r.person_id = n.person_id AND r.entity_id = n.entity_id AND r.medium IN ('KAKAO_AD', '*'))
 ORDER BY n.person_id, n.entity_id, n.at;

-- name: heard_channels
UPDATE channels_channel SET heard_at = %(at)s
 WHERE id = ANY(%(channels)s) AND (heard_at IS NULL OR heard_at < %(at)s - interval '1 minute');

-- name: heard_apps
UPDATE channels_kakaoapp SET heard_at = %(at)s
 WHERE id = ANY(%(apps)s) AND (heard_at IS NULL OR heard_at < %(at)s - interval '1 minute');

-- name: reported
UPDATE channels_dealeraccount SET reported_at = %(at)s
 WHERE id = ANY(%(accounts)s) AND (reported_at IS NULL OR reported_at < %(at)s - interval '1 minute');
