-- The past of units: one open span a unit, closed and opened again by every change. A subtree is a range of the index on
-- path (its letters are 0-9 and A-Z, all below '~').

-- name: close
-- Closes the open spans of the subtree whose unit no longer looks as the span says. Runs twice without harm.
UPDATE tree_unitspan s SET until_at = greatest(%(at)s, s.from_at)
  FROM tree_unit u LEFT JOIN tree_unit p ON p.root_id = u.root_id AND p.path = left(u.path, -4)
 WHERE s.unit_id = u.id AND s.until_at IS NULL AND u.root_id = %(root)s AND u.path >= %(path)s AND u.path < %(path)s || '~'
   AND (s.path, s.name, s.kind_id, s.entity_id, s.leader, s.state, s.parent_id)
       IS DISTINCT FROM (u.path, u.name, u.kind_id, u.entity_id, u.leader, u.state, p.id);

-- name: open
-- Opens a span for every unit of the subtree that has none open.
INSERT INTO tree_unitspan (unit_id, parent_id, path, name, kind_id, entity_id, leader, state, from_at)
SELECT u.id, p.id, u.path, u.name, u.kind_id, u.entity_id, u.leader, u.state, %(at)s
  FROM tree_unit u LEFT JOIN tree_unit p ON p.root_id = u.root_id AND p.path = left(u.path, -4)
 WHERE u.root_id = %(root)s AND u.path >= %(path)s AND u.path < %(path)s || '~'
   AND NOT EXISTS (SELECT 1 FROM tree_unitspan s WHERE s.unit_id = u.id AND s.until_at IS NULL);
