-- Staged rows of imports: sealed before they get here; states say what became of each.

-- name: create
-- Rows that can become people lie in blocks, as they were read: the arrays are aligned, the plain rows sealed together.
CREATE TABLE import_block (
    import_id bigint NOT NULL,
    last_row  int    NOT NULL,
    rows      int[]  NOT NULL,
    -- of each row: 1 readable, 3 same number earlier in the file, 4 new person, 5 merged into a person, 6 undone
    states    smallint[] NOT NULL,
    sealed    bytea   NOT NULL,
    numbers   bytea[],
    names     bytea[],
    -- 0 for a row that became nobody
    people    bigint[],
    -- columns of people (by number) that this import filled in
    filled    jsonb   NOT NULL DEFAULT '{}',
    PRIMARY KEY (import_id, last_row),
    CHECK (cardinality(states) = cardinality(rows)),
    CHECK (cardinality(numbers) = cardinality(rows) AND cardinality(names) = cardinality(rows)),
    CHECK (cardinality(people) = cardinality(rows)),
    -- What a row said is the person's once it is applied; no copy stays behind that erasing the person would not reach.
    CHECK (people IS NULL OR (sealed = '' AND numbers IS NULL AND names IS NULL))
);
ALTER TABLE import_block ALTER COLUMN sealed SET STORAGE EXTERNAL, ALTER COLUMN numbers SET STORAGE EXTERNAL,
    ALTER COLUMN names SET STORAGE EXTERNAL;

-- Rows that become nobody, with what is wrong with them; 'duplicate' when the number came earlier in the file.
CREATE TABLE import_row (
    import_id bigint NOT NULL,
    row       int    NOT NULL,
    problems  text[] NOT NULL CHECK (problems <> '{}'),
    sealed    bytea  NOT NULL,
    PRIMARY KEY (import_id, row)
);

-- name: drop
DROP TABLE import_row, import_block;

-- name: add_addresses
-- The blind indexes of mail addresses, aligned like those of numbers; NULL when no row of the block has one.
ALTER TABLE import_block ADD COLUMN mails bytea[],
    ADD CONSTRAINT import_block_mails_aligned CHECK (cardinality(mails) = cardinality(rows)),
    ADD CONSTRAINT import_block_mails_emptied CHECK (people IS NULL OR mails IS NULL),
    ALTER COLUMN mails SET STORAGE EXTERNAL;

-- name: drop_addresses
ALTER TABLE import_block DROP COLUMN mails;

-- name: stage
INSERT INTO import_block (import_id, last_row, rows, states, sealed, numbers, names, mails)
SELECT %(import_id)s, %(last_row)s, %(rows)s::int[], array_fill(1::smallint, ARRAY[cardinality(%(rows)s::int[])]), %(sealed)s,
       %(numbers)s::bytea[], %(names)s::bytea[], %(mails)s::bytea[];

-- name: stage_problems
INSERT INTO import_row (import_id, row, problems, sealed)
SELECT %(import_id)s, r.row, string_to_array(r.problems, ','), r.sealed
  FROM unnest(%(rows)s::int[], %(problems)s::text[], %(sealed)s::bytea[]) AS r(row, problems, sealed);

-- name: duplicates
-- The first row of a person (number, or address without one, and name; of one without a name, the number) stays; later ones
-- are told to the operator and left out: block by block, those not marked yet. By windows, since a join of the fresh rows with themselves is planned
-- before anything is known of them.
SELECT last_row, array_agg(row ORDER BY row) AS rows
  FROM (SELECT b.last_row, r.row, r.state, r.name, min(r.row) OVER (PARTITION BY coalesce(r.number, r.mail)) AS of_number,
               min(r.row) OVER (PARTITION BY coalesce(r.number, r.mail), r.name) AS of_name
          FROM import_block b, unnest(b.rows, b.states, b.numbers, b.names, b.mails) AS r(row, state, number, name, mail)
         WHERE b.import_id = %(import_id)s AND r.state IN (1, 3)) AS first
 WHERE state = 1 AND row > CASE WHEN name IS NULL THEN of_number ELSE of_name END
 GROUP BY last_row ORDER BY last_row;

-- name: mark_duplicates
UPDATE import_block SET states = (SELECT array_agg(CASE WHEN r.row = ANY(%(rows)s::int[]) THEN 3 ELSE r.state END ORDER BY r.row)
                                    FROM unnest(rows, states) AS r(row, state))
 WHERE import_id = %(import_id)s AND last_row = %(last_row)s;

-- name: blocks
SELECT last_row FROM import_block WHERE import_id = %(import_id)s ORDER BY last_row;

-- name: block
SELECT rows, states, sealed FROM import_block WHERE import_id = %(import_id)s AND last_row = %(last_row)s;

-- name: match_people
-- Of one block, who is known already by number (without one, by address) and name (when the row has one), so that only those
-- in the operator's sight are counted. Looked up number by number, in their order: what the planner believes of an unnested
-- array is no guide.
SELECT known.person_id
  FROM (SELECT CASE WHEN r.number IS NULL THEN 3 ELSE 1 END AS kind, coalesce(r.number, r.mail) AS blind, r.name
          FROM import_block b, unnest(b.states, b.numbers, b.names, b.mails) AS r(state, number, name, mail)
         WHERE b.import_id = %(import_id)s AND b.last_row = %(last_row)s AND r.state = 1 ORDER BY 2) AS r
 CROSS JOIN LATERAL (SELECT c.person_id FROM contact_point c JOIN person p ON p.id = c.person_id AND p.state <> 3
                      WHERE c.root_id = %(root)s AND c.kind = r.kind AND c.blind = r.blind
                        AND (p.name_blind = r.name OR r.name IS NULL)
                      ORDER BY c.person_id LIMIT 1) AS known;

-- name: totals
SELECT readable, duplicates, problems, readable + duplicates + problems AS total
  FROM (SELECT coalesce(sum(cardinality(array_positions(states, 1::smallint))), 0)::int AS readable
          FROM import_block WHERE import_id = %(import_id)s) AS b,
       (SELECT count(*) FILTER (WHERE problems = '{duplicate}') AS duplicates,
               count(*) FILTER (WHERE problems <> '{duplicate}') AS problems
          FROM import_row WHERE import_id = %(import_id)s) AS r;

-- name: problem_kinds
SELECT problem, count(*) FROM import_row, unnest(problems) AS problem
 WHERE import_id = %(import_id)s GROUP BY problem ORDER BY count(*) DESC, problem;

-- name: next_block
-- The first block that is not people yet and that nobody has in hand; it is this transaction's from here on.
SELECT last_row, states, sealed, numbers, names, mails FROM import_block
 WHERE import_id = %(import_id)s AND people IS NULL ORDER BY last_row LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: left
SELECT count(*)::int FROM import_block WHERE import_id = %(import_id)s AND people IS NULL;

-- name: settle
UPDATE import_block SET states = %(states)s::smallint[], people = %(people)s::bigint[], filled = %(filled)s::jsonb, sealed = '',
       numbers = NULL, names = NULL, mails = NULL
 WHERE import_id = %(import_id)s AND last_row = %(last_row)s;

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
-- Undoes fill_blanks of one block for the people whose list of filled columns has that column.
UPDATE person SET
       birth_ym = CASE WHEN u.filled ? 'birth_ym' THEN NULL ELSE birth_ym END,
       gender = CASE WHEN u.filled ? 'gender' THEN 0 ELSE gender END,
       district_code = CASE WHEN u.filled ? 'district_code' THEN '' ELSE district_code END,
       basis = CASE WHEN u.filled ? 'basis' THEN 0 ELSE basis END
  FROM (SELECT f.key::bigint AS person_id, f.value AS filled FROM import_block b, jsonb_each(b.filled) AS f
         WHERE b.import_id = %(import_id)s AND b.last_row = %(last_row)s) AS u
 WHERE person.id = u.person_id AND person.root_id = %(root)s AND person.state <> 3;

-- name: fill_addresses
-- Mail addresses of people who have none. Returns whose they are now, for undoing.
INSERT INTO contact_point (person_id, kind, root_id, sealed, blind, created_at)
SELECT p.id, 3, p.root_id, a.sealed, a.blind, %(at)s
  FROM unnest(%(people)s::bigint[], %(sealed)s::bytea[], %(blinds)s::bytea[]) AS a(person_id, sealed, blind)
  JOIN person p ON p.id = a.person_id AND p.root_id = %(root)s AND p.state <> 3
ON CONFLICT (person_id, kind) DO NOTHING
RETURNING person_id;

-- name: take_addresses
-- Undoes fill_addresses of one block.
DELETE FROM contact_point c USING import_block b, jsonb_each(b.filled) AS f
 WHERE b.import_id = %(import_id)s AND b.last_row = %(last_row)s AND f.value ? 'email'
   AND c.person_id = f.key::bigint AND c.kind = 3 AND c.root_id = %(root)s;

-- name: applied_block
SELECT last_row, states, people FROM import_block
 WHERE import_id = %(import_id)s AND states && '{4, 5}' ORDER BY last_row LIMIT 1;

-- name: mark_undone
UPDATE import_block SET states = array_replace(array_replace(states, 4::smallint, 6::smallint), 5::smallint, 6::smallint)
 WHERE import_id = %(import_id)s AND last_row = %(last_row)s;

-- name: problem_rows
SELECT row, problems, sealed FROM import_row
 WHERE import_id = %(import_id)s AND row > %(after)s ORDER BY row LIMIT %(limit)s;

-- name: forget_left
-- Rows that became nobody, of lists that were applied or taken back before that moment.
DELETE FROM import_row r USING people_importfile f
 WHERE f.id = r.import_id AND f.state IN ('done', 'undone') AND f.finished_at < %(before)s;

-- name: forget
-- The staged rows go; what was applied stays.
WITH rows AS (DELETE FROM import_row WHERE import_id = %(import_id)s)
DELETE FROM import_block WHERE import_id = %(import_id)s;
