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
    person_id bigint,
    before    bytea,
    PRIMARY KEY (import_id, row)
);
CREATE INDEX import_row_by_number ON import_row (import_id, blind, row) WHERE blind IS NOT NULL;

-- name: stage
-- Idempotent: a batch that was cut off after its commit is read again and changes nothing.
INSERT INTO import_row (import_id, row, state, problems, sealed, blind)
SELECT %(import_id)s, r.row, r.state, string_to_array(r.problems, ','), r.sealed, r.blind
  FROM unnest(%(rows)s::int[], %(states)s::smallint[], %(problems)s::text[], %(sealed)s::bytea[], %(blinds)s::bytea[])
       AS r(row, state, problems, sealed, blind)
ON CONFLICT (import_id, row) DO NOTHING;

-- name: mark_duplicates
-- The first row with a number stays; later ones are told to the operator and left out.
UPDATE import_row d SET state = 3, problems = '{duplicate}'
 WHERE d.import_id = %(import_id)s AND d.state = 1
   AND EXISTS (SELECT 1 FROM import_row e
                WHERE e.import_id = d.import_id AND e.blind = d.blind AND e.row < d.row AND e.state IN (1, 3));

-- name: match_people
-- Who is known already by this number: the lowest living person number, as everywhere.
UPDATE import_row r SET person_id = known.person_id
  FROM (SELECT c.blind, min(c.person_id) AS person_id
          FROM contact_point c JOIN person p ON p.id = c.person_id AND p.state <> 3
         WHERE c.root_id = %(root)s AND c.kind = 1
           AND c.blind IN (SELECT blind FROM import_row WHERE import_id = %(import_id)s AND state = 1)
         GROUP BY c.blind) AS known
 WHERE r.import_id = %(import_id)s AND r.state = 1 AND r.blind = known.blind;

-- name: totals
SELECT count(*) FILTER (WHERE state = 1 AND person_id IS NULL) AS new_rows,
       count(*) FILTER (WHERE state = 1 AND person_id IS NOT NULL) AS merged_rows,
       count(*) FILTER (WHERE state = 3) AS duplicate_rows,
       count(*) FILTER (WHERE state = 2) AS problem_rows,
       count(*) AS total_rows
  FROM import_row WHERE import_id = %(import_id)s;

-- name: next_batch
SELECT row, sealed, person_id FROM import_row
 WHERE import_id = %(import_id)s AND state = 1 AND row > %(after)s ORDER BY row LIMIT %(limit)s;

-- name: settle_rows
UPDATE import_row r SET state = s.state, person_id = s.person_id, before = s.before
  FROM unnest(%(rows)s::int[], %(states)s::smallint[], %(people)s::bigint[], %(before)s::bytea[]) AS s(row, state, person_id, before)
 WHERE r.import_id = %(import_id)s AND r.row = s.row AND r.state = 1;

-- name: applied_batch
SELECT row, state, person_id, before FROM import_row
 WHERE import_id = %(import_id)s AND state IN (4, 5) AND row > %(after)s ORDER BY row LIMIT %(limit)s;

-- name: mark_undone
UPDATE import_row SET state = 6 WHERE import_id = %(import_id)s AND row = ANY(%(rows)s) AND state IN (4, 5);

-- name: problem_rows
SELECT row, problems, sealed FROM import_row
 WHERE import_id = %(import_id)s AND state IN (2, 3) AND row > %(after)s ORDER BY row LIMIT %(limit)s;

-- name: forget
-- The staged rows go; what was applied stays.
DELETE FROM import_row WHERE import_id = %(import_id)s;
