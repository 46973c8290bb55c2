-- The access log, and what is looked up for the vault.

-- name: log
-- The link of the chain is made at commit, by trigger.
INSERT INTO access_log (root_id, at, actor_kind, actor_id, unit_id, person_id, n, what, why, address)
VALUES (%(root)s, %(at)s, %(actor_kind)s, %(actor_id)s, %(unit)s, %(person)s, %(n)s, %(what)s, %(why)s, %(address)s)
RETURNING id;

-- name: log_each
-- As log, a line for each person; of one without a unit it is %(unit)s.
INSERT INTO access_log (root_id, at, actor_kind, actor_id, unit_id, person_id, n, what, why, address)
SELECT %(root)s, %(at)s, %(actor_kind)s, %(actor_id)s, coalesce(v.unit, %(unit)s), v.person, 1, %(what)s, %(why)s, %(address)s
  FROM unnest(%(people)s::bigint[], %(units)s::bigint[]) AS v(person, unit) ORDER BY v.person;

-- name: link_now
-- What this transaction has logged so far is linked, not at commit.
SET CONSTRAINTS access_linked IMMEDIATE;

-- name: link_later
SET CONSTRAINTS access_linked DEFERRED;

-- name: link_waiting
SELECT access_link_up(%(root)s, NULL);

-- name: broken
-- Where the chain of one root does not hold: an entry or link left out, a link that does not fit the one before, an entry that is
-- not what was linked, an entry nobody linked, or an end that is not the one the chain remembers.
WITH link AS (
    SELECT k.seq, k.entry_id, k.previous, k.hash, lag(k.seq, 1, 0::bigint) OVER (ORDER BY k.seq) AS seq_before,
           lag(k.hash, 1, ''::bytea) OVER (ORDER BY k.seq) AS hash_before
      FROM access_link k WHERE k.root_id = %(root)s
), judged AS (
    SELECT link.seq,
           CASE WHEN l.id IS NULL OR link.seq <> link.seq_before + 1 THEN 'missing'
                WHEN link.previous <> link.hash_before THEN 'cut'
                WHEN link.hash <> access_log_hash(l, link.seq, link.previous) THEN 'changed' END AS problem
      FROM link LEFT JOIN access_log l ON l.id = link.entry_id
)
SELECT seq, problem FROM judged WHERE problem IS NOT NULL
UNION ALL
SELECT l.id, 'unlinked' FROM access_log l
 WHERE l.root_id = %(root)s AND NOT EXISTS (SELECT FROM access_link k WHERE k.entry_id = l.id)
   AND NOT EXISTS (SELECT FROM access_waiting w WHERE (w.root_id, w.entry_id) = (l.root_id, l.id))
UNION ALL
SELECT c.seq, 'shortened' FROM access_chain c
 WHERE c.root_id = %(root)s AND c.seq > 0
   AND NOT EXISTS (SELECT FROM access_link k WHERE (k.root_id, k.seq, k.hash) = (c.root_id, c.seq, c.hash))
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
