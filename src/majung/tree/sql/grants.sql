-- Grants in sets.

-- name: revoke
-- One statement takes back the given grants and all lent on from them; a second run changes nothing. The caller holds the
-- organisation's row, so that nothing is lent between the walk and the write.
WITH RECURSIVE doomed AS (
    SELECT id FROM tree_grant WHERE id = ANY(%(grants)s) AND root_id = %(root)s
    UNION
    SELECT g.id FROM tree_grant g JOIN doomed d ON g.parent_id = d.id
)
UPDATE tree_grant g SET revoked_at = %(at)s, revoked_by_id = %(by)s
  FROM doomed
 WHERE g.id = doomed.id AND g.revoked_at IS NULL
RETURNING g.id;

-- name: lent_on
-- The given grants and all living ones lent on from them.
WITH RECURSIVE below AS (
    SELECT id FROM tree_grant WHERE id = ANY(%(grants)s) AND revoked_at IS NULL
    UNION
    SELECT g.id FROM tree_grant g JOIN below b ON g.parent_id = b.id WHERE g.revoked_at IS NULL
)
SELECT id FROM below;

-- name: out_of_reach
-- Living grants in the subtree that their own lender's grant no longer covers (after a move).
SELECT g.id
  FROM tree_grant g JOIN tree_unit u ON u.id = g.unit_id
  JOIN tree_grant p ON p.id = g.parent_id JOIN tree_unit pu ON pu.id = p.unit_id
 WHERE g.root_id = %(root)s AND g.revoked_at IS NULL AND starts_with(u.path, %(path)s)
   AND NOT (CASE WHEN p.covers_subtree THEN starts_with(u.path, pu.path) ELSE u.id = pu.id AND NOT g.covers_subtree END);

-- name: would_be_out_of_reach
-- As out_of_reach, before the move of the subtree at 'path' to below 'target'.
SELECT g.id
  FROM tree_grant g JOIN tree_unit u ON u.id = g.unit_id
  JOIN tree_grant p ON p.id = g.parent_id JOIN tree_unit pu ON pu.id = p.unit_id
 WHERE g.root_id = %(root)s AND g.revoked_at IS NULL AND starts_with(u.path, %(path)s)
   AND NOT starts_with(pu.path, %(path)s)
   AND NOT (p.covers_subtree AND starts_with(%(target)s, pu.path));
