-- Staged rows of imports: sealed before they get here; state says what became of each.

-- name: create
CREATE TABLE import_row (
    import_id bigint   NOT NULL,
    row       int      NOT NULL,
    -- 1 readable, 2 problem, 3 same number earlier in the file, 4 new person, 5 merged into a person, 6 undone
    state     smallint NOT NULL CHECK (state BETWEEN 1 AND 6),
    problems  text[]   NOT NULL DEFAULT '{}',
    sealed    bytea    NOT NULL,
    blind     bytea    CHECK (octet_length(blind) = 16),
    name_blind bytea   CHECK (octet_length(name_blind) = 16),
    person_id bigint,
    filled    text[]   NOT NULL DEFAULT '{}',
    PRIMARY KEY (import_id, row)
);
CREATE INDEX import_row_by_number ON import_row (import_id, blind, row) WHERE blind IS NOT NULL;

-- name: drop
DROP TABLE import_row;

-- name: stage
-- Idempotent: a batch that was cut off after its commit is read again and changes nothing.
INSERT INTO import_row (import_id, row, state, problems, sealed, blind, name_blind)
SELECT %(import_id)s, r.row, r.state, string_to_array(r.problems, ','), r.sealed, r.blind, r.name_blind
  FROM unnest(%(rows)s::int[], %(states)s::smallint[], %(problems)s::text[], %(sealed)s::bytea[], %(blinds)s::bytea[],
              %(names)s::bytea[]) AS r(row, state, problems, sealed, blind, name_blind)
ON CONFLICT (import_id, row) DO NOTHING;

-- name: mark_duplicates
-- The first row of a person (number and name; of one without a name, its number) stays; later ones are told to the operator
-- and left out. By windows, since a join of the fresh rows with themselves is planned before anything is known of them.
UPDATE import_row d SET state = 3, problems = '{duplicate}'
  FROM (SELECT row, min(row) OVER (PARTITION BY blind) AS of_number, min(row) OVER (PARTITION BY blind, name_blind) AS of_name
          FROM import_row WHERE import_id = %(import_id)s AND state IN (1, 3) AND blind IS NOT NULL) AS first
 WHERE d.import_id = %(import_id)s AND d.row = first.row AND d.state = 1
   AND d.row > CASE WHEN d.name_blind IS NULL THEN first.of_number ELSE first.of_name END;

-- name: match_people
-- Who is known already by number and name (or by number, when the row has no name). The rows, so that only those in the
-- operator's sight are counted.
SELECT r.row, min(c.person_id) AS person_id
  FROM import_row r
  JOIN contact_point c ON c.root_id = %(root)s AND c.kind = 1 AND c.blind = r.blind
  JOIN person p ON p.id = c.person_id AND p.state <> 3
 WHERE r.import_id = %(import_id)s AND r.state = 1 AND (p.name_blind = r.name_blind OR r.name_blind IS NULL)
 GROUP BY r.row;

-- name: totals
SELECT count(*) FILTER (WHERE state = 1) AS readable,
       count(*) FILTER (WHERE state = 3) AS duplicates,
       count(*) FILTER (WHERE state = 2) AS problems,
       count(*) AS total
  FROM import_row WHERE import_id = %(import_id)s;

-- name: problem_kinds
SELECT problem, count(*) FROM import_row, unnest(problems) AS problem
 WHERE import_id = %(import_id)s AND state IN (2, 3) GROUP BY problem ORDER BY count(*) DESC, problem;

-- name: next_batch
SELECT row, sealed FROM import_row
 WHERE import_id = %(import_id)s AND state = 1 AND row > %(after)s ORDER BY row LIMIT %(limit)s;

-- name: settle_rows
-- What a row said is the person's now; no copy stays behind that erasing the person would not reach.
UPDATE import_row r SET state = s.state, person_id = s.person_id, filled = string_to_array(s.filled, ','), sealed = '', blind = NULL,
       name_blind = NULL
  FROM unnest(%(rows)s::int[], %(states)s::smallint[], %(people)s::bigint[], %(filled)s::text[]) AS s(row, state, person_id, filled)
 WHERE r.import_id = %(import_id)s AND r.row = s.row AND r.state = 1;

-- name: fill_blanks
-- What the person lacks and the row knows; nothing that is there is changed. Returns what was filled, for undoing.
UPDATE person p SET
       birth_ym = coalesce(p.birth_ym, f.birth_ym),
       gender = CASE WHEN p.gender = 0 THEN f.gender ELSE p.gender END,
       district_code = CASE WHEN p.district_code = '' THEN f.district_code ELSE p.district_code END,
       basis = CASE WHEN p.basis = 0 THEN f.basis ELSE p.basis END
  FROM (SELECT o.id, o.birth_ym AS had_birth, o.gender AS had_gender, o.district_code AS had_district, o.basis AS had_basis,
               n.birth_ym, n.gender, n.district_code, %(basis)s::smallint AS basis
          FROM unnest(%(people)s::bigint[], %(births)s::int[], %(genders)s::smallint[], %(districts)s::text[])
               AS n(person_id, birth_ym, gender, district_code)
          JOIN person o ON o.id = n.person_id) AS f
 WHERE p.id = f.id AND p.root_id = %(root)s AND p.state <> 3
RETURNING p.id, array_remove(ARRAY[
       CASE WHEN f.had_birth IS NULL AND p.birth_ym IS NOT NULL THEN 'birth_ym' END,
       CASE WHEN f.had_gender = 0 AND p.gender <> 0 THEN 'gender' END,
       CASE WHEN f.had_district = '' AND p.district_code <> '' THEN 'district_code' END,
       CASE WHEN f.had_basis = 0 AND p.basis <> 0 THEN 'basis' END], NULL) AS filled;

-- name: empty_again
-- Undoes fill_blanks for the people whose list of filled columns has that column.
UPDATE person SET
       birth_ym = CASE WHEN 'birth_ym' = ANY(u.filled) THEN NULL ELSE birth_ym END,
       gender = CASE WHEN 'gender' = ANY(u.filled) THEN 0 ELSE gender END,
       district_code = CASE WHEN 'district_code' = ANY(u.filled) THEN '' ELSE district_code END,
       basis = CASE WHEN 'basis' = ANY(u.filled) THEN 0 ELSE basis END
  FROM (SELECT r.person_id, r.filled FROM import_row r
         WHERE r.import_id = %(import_id)s AND r.row = ANY(%(rows)s) AND r.state = 5 AND r.filled <> '{}') AS u
 WHERE person.id = u.person_id AND person.root_id = %(root)s AND person.state <> 3;

-- name: applied_batch
SELECT row, state, person_id FROM import_row
 WHERE import_id = %(import_id)s AND state IN (4, 5) ORDER BY row LIMIT %(limit)s;

-- name: mark_undone
UPDATE import_row SET state = 6 WHERE import_id = %(import_id)s AND row = ANY(%(rows)s) AND state IN (4, 5);

-- name: problem_rows
SELECT row, problems, sealed FROM import_row
 WHERE import_id = %(import_id)s AND state IN (2, 3) AND row > %(after)s ORDER BY row LIMIT %(limit)s;

-- name: forget_left
-- Rows that became nobody, of lists that were applied or taken back before that moment.
DELETE FROM import_row r USING people_importfile f
 WHERE f.id = r.import_id AND r.state IN (2, 3) AND f.state IN ('done', 'undone') AND f.finished_at < %(before)s;

-- name: forget
-- The staged rows go; what was applied stays.
DELETE FROM import_row WHERE import_id = %(import_id)s;
