-- Questions about the person whose link was opened.

-- name: entities
-- The legal entities that may speak to the person: who holds the data, who was agreed to, joined, given the data, refused, or befriended.
SELECT e.id, e.name
  FROM tree_legalentity e
 WHERE e.root_id = %(root)s
   AND e.id IN (SELECT p.entity_id FROM person p WHERE p.id = %(person)s AND p.root_id = %(root)s
                UNION SELECT s.entity_id FROM consent_state s WHERE s.person_id = %(person)s
                UNION SELECT m.entity_id FROM membership m WHERE m.person_id = %(person)s
                UNION SELECT r.entity_id FROM refusal r WHERE r.person_id = %(person)s AND r.medium <> '*'
                UNION SELECT v.to_entity FROM provision v WHERE v.person_id = %(person)s AND v.ended_at IS NULL
                UNION SELECT u.entity_id FROM friendship f JOIN channels_channel c ON c.id = f.channel_id JOIN tree_unit u ON u.id = c.unit_id
                       WHERE f.person_id = %(person)s AND f.state = 1)
 ORDER BY e.id;
