-- Everything that the books of a campaign are made of, in one snapshot, to be counted outside (delivery/figures.py).

-- name: everything
-- One row for each group: chunks by channel, state, kind of try and hour of the hand-over, with all their outcome bytes (a million
-- are one megabyte), and their price; sets of people left out; people sent again knowingly; money; what was set aside; places of the week.
-- What the database's own clock wrote is moved by %(offset)s seconds, so that all hours are those of the product.
SELECT 'chunk' AS what, channel_id AS channel, state::int AS state,
       CASE WHEN parent_chunk IS NOT NULL THEN 'text' WHEN wave > 1 THEN 'again' ELSE 'first' END AS stage, ''::text AS label,
       date_trunc('hour', handed_at) AS at, sum(n)::bigint AS n, max(unit_centiwon)::bigint AS centiwon, string_agg(outcome, ''::bytea) AS cells
  FROM campaign_chunk WHERE campaign_id = %(campaign)s GROUP BY 2, 3, 4, 6
UNION ALL
SELECT 'left_out', NULL, NULL, stage, reason, date_trunc('hour', at + make_interval(secs => %(offset)s)), sum(n), 0, NULL
  FROM campaign_left_out WHERE campaign_id = %(campaign)s GROUP BY 4, 5, 6
UNION ALL
SELECT 'exception', c.channel_id, NULL, CASE WHEN get_byte(c.outcome, e.seq) = ascii('l') THEN 'dropped' ELSE 'again' END, e.code,
       date_trunc('hour', e.at + make_interval(secs => %(offset)s)), count(*), 0, NULL
  FROM chunk_exception e JOIN campaign_chunk c USING (campaign_id, chunk_no)
 WHERE e.campaign_id = %(campaign)s AND e.code IN ('REPEAT', 'AGAIN') GROUP BY 2, 4, 5, 6
UNION ALL
SELECT 'cost', c.channel_id, NULL, e.kind, e.message_kind, date_trunc('hour', e.at), sum(e.n), sum(e.centiwon), NULL
  FROM cost_entry e JOIN campaign_chunk c USING (campaign_id, chunk_no) WHERE e.campaign_id = %(campaign)s GROUP BY 2, 4, 5, 6
UNION ALL
SELECT 'dispatch', NULL, NULL, v.stage, '', NULL, v.n, v.centiwon, NULL
  FROM dispatch d, LATERAL (VALUES ('audience', d.audience, 0::bigint), ('planned', d.planned, d.worst_centiwon)) AS v(stage, n, centiwon)
 WHERE d.campaign_id = %(campaign)s
UNION ALL
SELECT 'reserved', NULL, NULL, state, '', NULL, CASE state WHEN 'spent' THEN spent_messages ELSE messages END,
       CASE state WHEN 'spent' THEN spent_centiwon WHEN 'held' THEN centiwon ELSE 0 END, NULL
  FROM tree_reservation WHERE campaign_id = %(campaign)s
UNION ALL
SELECT 'week', NULL, NULL, '', purpose, NULL, sum(bit_count(bits)), 0, NULL
  FROM week_hold WHERE campaign_id = %(campaign)s GROUP BY 5;
