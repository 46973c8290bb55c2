-- name: of_person
-- A person stands in one chunk a wave; first and last bound the chunks whose people are read at all.
-- Whoever is left out after the freeze is so last of all: as they were to be handed over, perhaps after tries in vain.
SELECT c.campaign_id, c.chunk_no, array_position(c.people, %(person)s::int) - 1 AS seq, c.channel_id, c.wave,
       get_byte(c.outcome, array_position(c.people, %(person)s::int) - 1) AS byte, NULL::text AS reason,
       coalesce(c.handed_at, c.settled_at) AS at, c.message_kind, c.wave::int AS turn
  FROM campaign_chunk c JOIN dispatch d USING (campaign_id)
 WHERE d.root_id = %(root)s AND d.unit_id = ANY(%(units)s::bigint[])
   AND %(person)s::int BETWEEN c.first_person AND c.last_person AND c.people @> ARRAY[%(person)s::int]
   AND get_byte(c.outcome, array_position(c.people, %(person)s::int) - 1) <> ascii('l')
UNION ALL
SELECT l.campaign_id, NULL, NULL, NULL, 0, NULL, l.reason, l.at, NULL, CASE l.stage WHEN 'freeze' THEN 0 ELSE 1 << 20 END
  FROM campaign_left_out l JOIN dispatch d USING (campaign_id)
 WHERE d.root_id = %(root)s AND d.unit_id = ANY(%(units)s::bigint[]) AND l.people @> ARRAY[%(person)s::int]
 ORDER BY 1 DESC, turn DESC LIMIT %(most)s;
