-- Which column of a person changed: sets by another one need not be asked again (people/sets.py).

-- name: create
-- Names do not make sets; a move of the number or the root would, and is refused.
CREATE OR REPLACE FUNCTION person_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM old_rows o FULL JOIN new_rows n ON n.id = o.id WHERE n.root_id IS DISTINCT FROM o.root_id) THEN
        RAISE EXCEPTION 'a person keeps number and root' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM crowd_note(c.root_id, f.family, NULL, f.people)
       FROM (SELECT n.root_id,
                    array_agg(n.id) FILTER (WHERE n.entity_id IS DISTINCT FROM o.entity_id) AS entity,
                    array_agg(n.id) FILTER (WHERE n.home_unit_id IS DISTINCT FROM o.home_unit_id) AS home,
                    array_agg(n.id) FILTER (WHERE n.birth_ym IS DISTINCT FROM o.birth_ym) AS born,
                    array_agg(n.id) FILTER (WHERE n.gender IS DISTINCT FROM o.gender) AS gender,
                    array_agg(n.id) FILTER (WHERE n.region_code IS DISTINCT FROM o.region_code) AS region,
                    array_agg(n.id) FILTER (WHERE n.district_code IS DISTINCT FROM o.district_code) AS district,
                    array_agg(n.id) FILTER (WHERE n.state IS DISTINCT FROM o.state) AS state,
                    array_agg(n.id) FILTER (WHERE n.basis IS DISTINCT FROM o.basis) AS basis,
                    array_agg(n.id) FILTER (WHERE n.import_id IS DISTINCT FROM o.import_id) AS import
               FROM new_rows n JOIN old_rows o USING (id)
              GROUP BY n.root_id) AS c
      CROSS JOIN LATERAL (VALUES
            ('person_entity', c.entity), ('person_home', c.home), ('person_born', c.born), ('person_gender', c.gender),
            ('person_region', c.region), ('person_district', c.district), ('person_state', c.state), ('person_basis', c.basis),
            ('person_import', c.import)) AS f(family, people)
      WHERE f.people IS NOT NULL;
    RETURN NULL;
END $$;

-- name: drop
CREATE OR REPLACE FUNCTION person_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM old_rows o FULL JOIN new_rows n ON n.id = o.id WHERE n.root_id IS DISTINCT FROM o.root_id) THEN
        RAISE EXCEPTION 'a person keeps number and root' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM crowd_note(n.root_id, 'person', NULL, array_agg(n.id))
       FROM new_rows n JOIN old_rows o USING (id)
      WHERE (n.entity_id, n.home_unit_id, n.birth_ym, n.gender, n.region_code, n.district_code, n.state, n.basis)
            IS DISTINCT FROM
            (o.entity_id, o.home_unit_id, o.birth_ym, o.gender, o.region_code, o.district_code, o.state, o.basis)
      GROUP BY n.root_id;
    RETURN NULL;
END $$;
