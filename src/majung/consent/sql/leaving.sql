-- What leaving a party does to the membership.

-- name: leave
-- Members and applicants; leaving twice changes nothing.
UPDATE membership SET state = 3, since = %(on)s
 WHERE root_id = %(root)s AND person_id = ANY(%(people)s::bigint[]) AND entity_id = %(entity)s AND state IN (1, 2);
