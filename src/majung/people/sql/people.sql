-- Changing people in sets. Every statement is bound to one root.

-- name: numbers
-- A block of person numbers, never given twice.
SELECT array_agg(nextval(s.sequence)) FROM (SELECT pg_get_serial_sequence('person', 'id')::regclass AS sequence OFFSET 0) AS s, generate_series(1, %(n)s);

-- name: known_holders
-- Who holds these numbers or addresses already, and under which name. Looked up number by number: what the planner believes of an unnested
-- array is no guide.
SELECT c.blind, c.person_id, c.name_blind
  FROM unnest(%(blinds)s::bytea[]) AS b(blind)
 CROSS JOIN LATERAL (SELECT c.blind, c.person_id, p.name_blind FROM contact_point c JOIN person p ON p.id = c.person_id
                      WHERE c.root_id = %(root)s AND c.kind = %(kind)s AND c.blind = b.blind OFFSET 0) AS c
 ORDER BY c.person_id;

-- name: move_home
-- Only who lives elsewhere moves; runs twice without harm.
UPDATE person SET home_unit_id = %(unit)s
 WHERE root_id = %(root)s AND id = ANY(%(people)s::bigint[]) AND state <> 3 AND home_unit_id IS DISTINCT FROM %(unit)s
RETURNING id;

-- name: set_state
UPDATE person SET state = %(state)s
 WHERE root_id = %(root)s AND id = ANY(%(people)s::bigint[]) AND state <> 3 AND state <> %(state)s
RETURNING id;

-- name: put_tag
INSERT INTO person_tag (person_id, tag_id, root_id)
SELECT id, %(tag)s, root_id FROM person
 WHERE root_id = %(root)s AND id = ANY(%(people)s::bigint[]) AND state <> 3
 ORDER BY id
ON CONFLICT DO NOTHING
RETURNING person_id;

-- name: take_tag
DELETE FROM person_tag WHERE root_id = %(root)s AND tag_id = %(tag)s AND person_id = ANY(%(people)s::bigint[])
RETURNING person_id;

-- name: set_membership
-- State and day as the roll says them.
INSERT INTO membership AS m (person_id, entity_id, root_id, state, since)
SELECT id, %(entity)s, root_id, %(state)s, %(since)s FROM person
 WHERE root_id = %(root)s AND id = ANY(%(people)s::bigint[]) AND state <> 3
ON CONFLICT (person_id, entity_id) DO UPDATE SET state = excluded.state, since = excluded.since
 WHERE (m.state, m.since) IS DISTINCT FROM (excluded.state, excluded.since)
RETURNING person_id;

-- name: erase
-- Nothing that points at the person remains but the number; sealed pages with it are made anew without it. Runs twice without harm.
WITH gone AS (
    UPDATE person SET state = 3, name_sealed = NULL, name_blind = NULL, birth_ym = NULL, gender = 0, region_code = '',
           district_code = '', home_unit_id = NULL, basis = 0, import_id = NULL, salt = NULL
     WHERE root_id = %(root)s AND id = ANY(%(people)s::bigint[]) AND state <> 3
    RETURNING id
), contacts AS (DELETE FROM contact_point USING gone WHERE person_id = gone.id
), tags AS (DELETE FROM person_tag USING gone WHERE person_id = gone.id
), rolls AS (DELETE FROM membership USING gone WHERE person_id = gone.id
), identities AS (DELETE FROM external_identity USING gone WHERE person_id = gone.id
), pages AS (DELETE FROM sealed_page USING gone WHERE root_id = %(root)s AND block = gone.id / 1024
)
SELECT id FROM gone;

-- name: units_of_districts
-- The unit that answers for each district on a day: of several, the one nearest the top, then the lowest code.
SELECT DISTINCT ON (district_code) district_code, id
  FROM tree_unit
 WHERE root_id = %(root)s AND district_code <> '' AND opened_on <= %(on)s AND (closed_on IS NULL OR closed_on > %(on)s)
 ORDER BY district_code, depth, code;
