-- What criteria mention by id: each kind's rows are (id as it is written, number, unit that has it, that unit's path).
-- Whether the actor sees them is decided from the unit (audience/references.py). A few rows by a unique key; no locks.

-- name: unit
SELECT u.public_id::text, u.id, u.id, u.path FROM tree_unit u
 WHERE u.root_id = %(root)s AND u.public_id = ANY(%(unit)s::uuid[])

-- name: channel
SELECT c.public_id::text, c.id, u.id, u.path FROM channels_channel c JOIN tree_unit u ON u.id = c.unit_id
 WHERE c.root_id = %(root)s AND c.public_id = ANY(%(channel)s::uuid[])

-- name: tag
SELECT t.id::text, t.id, NULL::bigint, NULL FROM people_tag t
 WHERE t.root_id = %(root)s AND t.id = ANY(%(tag)s::bigint[])

-- name: import
-- Lists are told by file names, which may name people: not for blind senders.
SELECT i.public_id::text, i.id, u.id, u.path FROM people_importfile i JOIN tree_unit u ON u.id = i.unit_id
 WHERE i.root_id = %(root)s AND i.public_id = ANY(%(import)s::uuid[]) AND i.state = 'done'
