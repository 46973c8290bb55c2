-- name: holders
-- Everybody who has one of these mobile numbers: a refusal by number is one of all who share it.
SELECT DISTINCT c.person_id
  FROM contact_point c
 WHERE c.root_id = %(root)s AND c.kind = 1 AND c.blind = ANY(%(blinds)s::bytea[])
 ORDER BY 1;
