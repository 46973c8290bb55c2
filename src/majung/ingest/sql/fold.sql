-- name: apps
SELECT id, root_id, entity_id FROM channels_kakaoapp WHERE id = ANY(%(apps)s);

-- name: channels
SELECT c.id, c.unit_id, u.entity_id FROM channels_channel c JOIN tree_unit u ON u.id = c.unit_id WHERE c.id = ANY(%(channels)s);

-- name: known
-- Each identity is looked up by the key: left to choose, the planner reads the whole table for a few thousand.
SELECT array_agg(w.place), array_agg(e.person_id::int4)
  FROM unnest(%(places)s::int4[], %(spaces)s::int4[], %(blinds)s::bytea[]) AS w(place, space, blind)
  JOIN unnest(%(roots)s::int4[], %(apps)s::text[]) WITH ORDINALITY AS s(root_id, app, space) USING (space)
 CROSS JOIN LATERAL (SELECT person_id FROM external_identity
                      WHERE root_id = s.root_id AND app = s.app AND blind = w.blind OFFSET 0) AS e;

-- name: claim
-- Takes a person number for each identity that nobody has; an identity claimed by another at this moment is waited for
-- and then left out. Those who are new become people known only by what a channel told: no name, no number, no ground to
-- write to them (basis 0). Returns the numbers of those, by place.
WITH wanted AS MATERIALIZED (
    SELECT w.place, s.root_id, s.app, s.entity_id, w.blind
      FROM unnest(%(places)s::int4[], %(spaces)s::int4[], %(blinds)s::bytea[]) AS w(place, space, blind)
      JOIN unnest(%(roots)s::int4[], %(apps)s::text[], %(entities)s::bigint[]) WITH ORDINALITY AS s(root_id, app, entity_id, space) USING (space)
), claimed AS (
    INSERT INTO external_identity (root_id, app, blind, person_id)
    SELECT root_id, app, blind, nextval(pg_get_serial_sequence('person', 'id'))
      FROM (SELECT DISTINCT root_id, app, blind FROM wanted ORDER BY 1, 2, 3) AS w
    ON CONFLICT DO NOTHING
    RETURNING root_id, app, blind, person_id
), placed AS MATERIALIZED (
    SELECT w.place, w.root_id, w.entity_id, c.person_id FROM wanted w JOIN claimed c USING (root_id, app, blind)
), made AS (
    INSERT INTO person (id, root_id, public_id, entity_id, created_at)
    SELECT person_id, root_id, (%(public_ids)s::uuid[])[row_number() OVER (ORDER BY person_id)], entity_id, %(at)s
      FROM (SELECT DISTINCT person_id, root_id, entity_id FROM placed) AS p
     ORDER BY person_id
)
SELECT array_agg(place), array_agg(person_id::int4) FROM placed;

-- name: activity
INSERT INTO activity (root_id, at, actor_kind, kind, unit_id, person_id, object_kind, object_id)
SELECT s.root_id, s.seen_at, 'person', CASE s.state WHEN 1 THEN 'channels.added' ELSE 'channels.blocked' END, c.unit_id, s.person_id, 'channel', c.id
  FROM unnest(%(people)s::int4[], %(channels)s::bigint[], %(roots)s::int4[], %(states)s::int2[], %(ats)s::timestamptz[])
       AS s(person_id, channel_id, root_id, state, seen_at)
  JOIN unnest(%(ids)s::bigint[], %(units)s::bigint[]) AS c(id, unit_id) ON c.id = s.channel_id;

-- name: heard_channels
UPDATE channels_channel SET heard_at = %(at)s
 WHERE id = ANY(%(channels)s) AND (heard_at IS NULL OR heard_at < %(at)s - interval '1 minute');

-- name: heard_apps
UPDATE channels_kakaoapp SET heard_at = %(at)s
 WHERE id = ANY(%(apps)s) AND (heard_at IS NULL OR heard_at < %(at)s - interval '1 minute');

-- name: reported
UPDATE channels_dealeraccount SET reported_at = %(at)s
 WHERE id = ANY(%(accounts)s) AND (reported_at IS NULL OR reported_at < %(at)s - interval '1 minute');
