-- Duties.

-- name: owe
-- Runs twice without harm: an open duty for the same unit, kind and object is joined, never doubled.
INSERT INTO activity_duty (root_id, unit_id, kind, title, owed_at, due_at, people, object_kind, object_id, done_by_kind)
VALUES (%(root)s, %(unit)s, %(kind)s, %(title)s, %(now)s, %(due_at)s, %(people)s::int[], %(object_kind)s, %(object)s, '')
ON CONFLICT (root_id, unit_id, kind, object_kind, object_id) WHERE done_at IS NULL DO UPDATE
   SET due_at = least(activity_duty.due_at, excluded.due_at),
       people = CASE WHEN activity_duty.people IS NULL AND excluded.people IS NULL THEN NULL
                     ELSE ARRAY(SELECT DISTINCT p FROM unnest(activity_duty.people || excluded.people) AS u(p) ORDER BY p) END
RETURNING id;
