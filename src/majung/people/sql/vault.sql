-- The access log, and what is looked up for the vault.

-- name: log
-- Number, previous and hash are the trigger's; writers of one root queue here until each has committed.
INSERT INTO access_log (root_id, seq, at, actor_kind, actor_id, unit_id, person_id, n, what, why, address, previous, hash)
VALUES (%(root)s, 0, %(at)s, %(actor_kind)s, %(actor_id)s, %(unit)s, %(person)s, %(n)s, %(what)s, %(why)s, %(address)s, '', '')
RETURNING seq;

-- name: broken
-- Where the chain of one root does not hold: a number left out, a row that does not fit the one before or its own hash, or an end
-- that is not the one the chain remembers.
WITH entry AS (
    SELECT l.seq, l.previous, l.hash, access_log_hash(l) AS computed,
           lag(l.seq, 1, 0::bigint) OVER (ORDER BY l.seq) AS seq_before, lag(l.hash, 1, ''::bytea) OVER (ORDER BY l.seq) AS hash_before
      FROM access_log l WHERE l.root_id = %(root)s
)
SELECT seq, CASE WHEN seq <> seq_before + 1 THEN 'missing' WHEN previous <> hash_before THEN 'cut' ELSE 'changed' END
  FROM entry WHERE seq <> seq_before + 1 OR previous <> hash_before OR hash <> computed
UNION ALL
SELECT c.seq, 'shortened' FROM access_chain c
 WHERE c.root_id = %(root)s AND c.seq > 0
   AND NOT EXISTS (SELECT FROM access_log l WHERE (l.root_id, l.seq, l.hash) = (c.root_id, c.seq, c.hash))
 ORDER BY 1;

-- name: holders
SELECT person_id FROM contact_point
 WHERE root_id = %(root)s AND kind = ANY(%(kinds)s::smallint[]) AND blind = ANY(%(blinds)s::bytea[])
 ORDER BY person_id;

-- name: named
SELECT id FROM person WHERE root_id = %(root)s AND name_blind = %(blind)s AND state <> 3 ORDER BY id LIMIT %(limit)s;

-- name: sealed
SELECT p.id, p.name_sealed, m.sealed, l.sealed, e.sealed
  FROM person p
  LEFT JOIN contact_point m ON m.person_id = p.id AND m.kind = 1
  LEFT JOIN contact_point l ON l.person_id = p.id AND l.kind = 2
  LEFT JOIN contact_point e ON e.person_id = p.id AND e.kind = 3
 WHERE p.root_id = %(root)s AND p.id = ANY(%(people)s::bigint[]) AND p.state <> 3;

-- name: salt
SELECT salt FROM person WHERE root_id = %(root)s AND id = %(person)s;
