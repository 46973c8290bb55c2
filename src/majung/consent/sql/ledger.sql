-- Writing to the ledgers, always in sets. Only people of the root are touched; what is said already is not said twice.

-- name: grant
-- One entry for each person and medium. A million people are one statement (measured in tests/consent/test_scale.py).
INSERT INTO consent_entry (person_id, root_id, entity_id, purpose, medium, act, notice_id, unit_id, how, at, proof, actor_kind, actor_id)
SELECT p.id, p.root_id, %(entity)s, %(purpose)s, m.medium, 'granted', %(notice)s, %(unit)s, %(how)s, %(at)s, %(proof)s::text::jsonb,
       %(actor_kind)s, %(actor)s
  FROM (SELECT DISTINCT unnest(%(people)s::bigint[]) AS id) AS asked
  JOIN person p ON p.id = asked.id AND p.root_id = %(root)s AND p.state <> 3
 CROSS JOIN unnest(%(media)s::text[]) AS m(medium);

-- name: withdraw
-- Who holds the consent, and for what can be refused without having been given (advertising, optional notices) whoever has not refused it yet.
INSERT INTO consent_entry (person_id, root_id, entity_id, purpose, medium, act, notice_id, unit_id, how, at, proof, actor_kind, actor_id)
SELECT p.id, p.root_id, %(entity)s, %(purpose)s, m.medium, 'withdrawn', NULL, NULL, %(how)s, %(at)s, %(proof)s::text::jsonb,
       %(actor_kind)s, %(actor)s
  FROM (SELECT DISTINCT unnest(%(people)s::bigint[]) AS id) AS asked
  JOIN person p ON p.id = asked.id AND p.root_id = %(root)s
 CROSS JOIN unnest(%(media)s::text[]) AS m(medium)
  LEFT JOIN consent_state s ON s.person_id = p.id AND s.entity_id = %(entity)s AND s.purpose = %(purpose)s AND s.medium = m.medium
 WHERE s.withdrawn_at IS NULL AND (s.granted_on IS NOT NULL OR %(purpose)s IN ('advertising', 'party_notice'))
RETURNING person_id;

-- name: confirm
-- The two-year check was sent to these people. Silence keeps the consent.
INSERT INTO consent_entry (person_id, root_id, entity_id, purpose, medium, act, notice_id, unit_id, how, at, proof, actor_kind, actor_id)
SELECT s.person_id, s.root_id, s.entity_id, s.purpose, s.medium, 'confirmed', NULL, NULL, %(how)s, %(at)s, %(proof)s::text::jsonb,
       %(actor_kind)s, %(actor)s
  FROM consent_state s
 WHERE s.root_id = %(root)s AND s.person_id = ANY(%(people)s::bigint[]) AND s.entity_id = %(entity)s AND s.purpose = %(purpose)s
   AND s.medium = ANY(%(media)s::text[]) AND s.granted_on IS NOT NULL AND s.withdrawn_at IS NULL;

-- name: refuse
-- A list that is pulled again, or an event that comes twice, adds nothing.
INSERT INTO refusal_entry (person_id, root_id, entity_id, medium, act, path, at, proof, actor_kind, actor_id)
SELECT p.id, p.root_id, %(entity)s, m.medium, 'refused', %(path)s, %(at)s, %(proof)s::text::jsonb, %(actor_kind)s, %(actor)s
  FROM (SELECT DISTINCT unnest(%(people)s::bigint[]) AS id) AS asked
  JOIN person p ON p.id = asked.id AND p.root_id = %(root)s
 CROSS JOIN (SELECT DISTINCT unnest(%(media)s::text[]) AS medium) AS m
 WHERE NOT EXISTS (SELECT FROM refusal r WHERE r.person_id = p.id AND r.entity_id = %(entity)s AND r.medium = m.medium)
   AND NOT EXISTS (SELECT FROM refusal_entry e WHERE e.person_id = p.id AND e.entity_id = %(entity)s AND e.medium = m.medium
                      AND e.act = 'refused' AND e.path = %(path)s AND e.at = %(at)s)
RETURNING person_id;

-- name: refuse_each
-- As refuse, of one medium, with an instant and an entity for each person; of several in one breath the earliest.
INSERT INTO refusal_entry (person_id, root_id, entity_id, medium, act, path, at, proof, actor_kind, actor_id)
SELECT DISTINCT ON (p.id, w.entity_id) p.id, p.root_id, w.entity_id, %(medium)s, 'refused', %(path)s, w.at, %(proof)s::text::jsonb, %(actor_kind)s, %(actor)s
  FROM unnest(%(roots)s::int4[], %(people)s::int4[], %(entities)s::bigint[], %(ats)s::timestamptz[]) AS w(root_id, person_id, entity_id, at)
  JOIN person p ON p.id = w.person_id AND p.root_id = w.root_id
 WHERE NOT EXISTS (SELECT FROM refusal r WHERE r.person_id = p.id AND r.entity_id = w.entity_id AND r.medium = %(medium)s)
   AND NOT EXISTS (SELECT FROM refusal_entry e WHERE e.person_id = p.id AND e.entity_id = w.entity_id AND e.medium = %(medium)s
                      AND e.act = 'refused' AND e.path = %(path)s AND e.at = w.at)
 ORDER BY p.id, w.entity_id, w.at
RETURNING root_id, entity_id, person_id, at;

-- name: clear
INSERT INTO refusal_entry (person_id, root_id, entity_id, medium, act, path, at, proof, actor_kind, actor_id)
SELECT r.person_id, r.root_id, r.entity_id, r.medium, 'cleared', %(path)s, %(at)s, %(proof)s::text::jsonb, %(actor_kind)s, %(actor)s
  FROM refusal r
 WHERE r.root_id = %(root)s AND r.person_id = ANY(%(people)s::bigint[]) AND r.entity_id = %(entity)s AND r.medium = ANY(%(media)s::text[])
RETURNING person_id;

-- name: entities
-- Every legal entity of a root, also one that has no unit at the moment.
SELECT id FROM tree_legalentity WHERE root_id = %(root)s ORDER BY id;

-- name: answering
-- The unit that answers for what an entity owes: its own highest, or the organisation's top while it has none.
SELECT id FROM tree_unit WHERE root_id = %(root)s ORDER BY entity_id <> %(entity)s, depth, path LIMIT 1;

-- name: deals
-- The latest end of a dealing counts.
INSERT INTO deal AS d (person_id, entity_id, goods_class, root_id, ended_on, is_direct)
SELECT DISTINCT ON (p.id) p.id, %(entity)s, %(goods)s, p.root_id, asked.ended_on, %(is_direct)s
  FROM unnest(%(people)s::bigint[], %(ended_on)s::date[]) AS asked(id, ended_on)
  JOIN person p ON p.id = asked.id AND p.root_id = %(root)s
 ORDER BY p.id, asked.ended_on DESC
ON CONFLICT (person_id, entity_id, goods_class) DO UPDATE
   SET ended_on = greatest(d.ended_on, excluded.ended_on), is_direct = d.is_direct OR excluded.is_direct;

-- name: provide
INSERT INTO provision AS v (person_id, from_entity, to_entity, root_id, at)
SELECT p.id, p.entity_id, %(to_entity)s, p.root_id, %(at)s
  FROM person p WHERE p.id = ANY(%(people)s::bigint[]) AND p.root_id = %(root)s AND p.entity_id <> %(to_entity)s
ON CONFLICT (person_id, from_entity, to_entity) DO UPDATE SET at = excluded.at, ended_at = NULL WHERE v.ended_at IS NOT NULL;

-- name: end_provision
UPDATE provision SET ended_at = %(at)s
 WHERE root_id = %(root)s AND person_id = ANY(%(people)s::bigint[]) AND to_entity = %(to_entity)s AND ended_at IS NULL;

-- name: guardian
INSERT INTO guardian_consent (person_id, entity_id, root_id, method, notice_id, at, proof)
SELECT p.id, %(entity)s, p.root_id, %(method)s, %(notice)s, %(at)s, %(proof)s::text::jsonb
  FROM person p WHERE p.id = %(person)s AND p.root_id = %(root)s
ON CONFLICT DO NOTHING;

-- name: due_checks
-- Whose two-year check must go out before a day, by entity and purpose (ADV-14); read by the daily job.
SELECT s.entity_id, s.purpose, s.medium, min(s.due_on), array_agg(s.person_id::int ORDER BY s.person_id)
  FROM consent_state s
 WHERE s.root_id = %(root)s AND s.purpose IN ('advertising', 'night') AND s.granted_on IS NOT NULL AND s.withdrawn_at IS NULL
   AND s.due_on <= %(before)s
 GROUP BY s.entity_id, s.purpose, s.medium ORDER BY s.entity_id, s.purpose, s.medium;

-- name: undo_import
-- Withdraws the consents that rest on one import alone.
INSERT INTO consent_entry (person_id, root_id, entity_id, purpose, medium, act, notice_id, unit_id, how, at, proof, actor_kind, actor_id)
SELECT s.person_id, s.root_id, s.entity_id, s.purpose, s.medium, 'withdrawn', NULL, NULL, %(how)s, greatest(%(at)s, s.changed_at),
       jsonb_build_object('undone', %(import)s::text), %(actor_kind)s, %(actor)s
  FROM consent_state s
 WHERE s.root_id = %(root)s AND s.person_id = ANY(%(people)s::bigint[]) AND s.granted_on IS NOT NULL AND s.withdrawn_at IS NULL
   AND EXISTS (SELECT FROM consent_entry e WHERE e.person_id = s.person_id AND e.entity_id = s.entity_id AND e.purpose = s.purpose
                  AND e.medium = s.medium AND e.act = 'granted' AND e.proof ->> 'import' = %(import)s::text)
   AND NOT EXISTS (SELECT FROM consent_entry e WHERE e.person_id = s.person_id AND e.entity_id = s.entity_id AND e.purpose = s.purpose
                      AND e.medium = s.medium AND e.act = 'granted' AND e.proof ->> 'import' IS DISTINCT FROM %(import)s::text
                      AND (e.at AT TIME ZONE 'Asia/Seoul')::date >= s.granted_on);
