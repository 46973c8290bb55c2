-- Work on which nothing has moved for longer than its state allows (delivery/stuck.py). Bounded: dispatches that are not finished, and
-- of them the chunks that are ready or out, over their partial indexes.

-- name: look
-- One row for each dispatch that is not finished (of one campaign, of one organisation, or of all). ``still``: seconds since it was due or
-- since something of it was begun, handed over or settled, whichever was last. Chunks: ready; ``failing``, tried often and never handed over;
-- ``dropped``, claimed by a worker whose lease is over; ``unlooked``, handed and not looked at though it is time; ``doubted``, of which
-- nobody could tell for long whether they left; ``silent``, handed long ago without a single result.
SELECT d.campaign_id, d.root_id, d.state, d.problem, extract(epoch FROM d.rest_until - clock_timestamp())::float8 AS rest,
       extract(epoch FROM %(now)s - greatest(d.not_before, d.first_claim_at, d.last_settled_at, c.handed))::float8 AS still,
       EXISTS (SELECT FROM pace p JOIN dispatch_turn t ON t.campaign_id = d.campaign_id
                WHERE p.free_at > clock_timestamp() AND (p.kind, p.ref) IN (('account', d.account_id), ('entity', t.entity_id))) AS is_paced,
       c.ready, c.held, c.failing, c.dropped, c.unlooked, c.doubted, c.silent, c.told
  FROM dispatch d,
       LATERAL (
           SELECT max(handed_at) AS handed,
                  count(*) FILTER (WHERE state = 0) AS ready,
                  count(*) FILTER (WHERE state IN (1, 2)) AS held,
                  count(*) FILTER (WHERE state < 2 AND attempt >= %(tries)s) AS failing,
                  count(*) FILTER (WHERE state = 1 AND lease_until < clock_timestamp() - make_interval(secs => %(patience)s)) AS dropped,
                  count(*) FILTER (WHERE state = 2 AND lease_until < clock_timestamp() - make_interval(secs => %(patience)s)) AS unlooked,
                  count(*) FILTER (WHERE judged_at < %(now)s - make_interval(secs => %(doubt)s)
                                     AND CASE state WHEN 1 THEN group_ref IS NOT NULL AND outcome_count(outcome, 'q') > 0
                                                    WHEN 2 THEN group_ref ~ ('^' || campaign_id || '-\d+-\d+$') AND outcome_count(outcome, 'q') > 0
                                         END) AS doubted,
                  count(*) FILTER (WHERE state = 2 AND handed_at < %(now)s - make_interval(secs => %(silence)s)
                                     AND outcome_count(outcome, 'a') > 0
                                     AND outcome_count(outcome, 'a') + outcome_count(outcome, 'q') + outcome_count(outcome, 'l') = n) AS silent,
                  count(*) FILTER (WHERE told_at IS NOT NULL) AS told
             FROM campaign_chunk c
            WHERE c.campaign_id = d.campaign_id AND (c.state = 0 OR c.state IN (1, 2) OR c.told_at IS NOT NULL)
       ) AS c
 WHERE d.finished_at IS NULL AND d.state IN ('sending', 'paused', 'stopped')
   AND (%(campaign)s::bigint IS NULL OR d.campaign_id = %(campaign)s)
 ORDER BY d.campaign_id;

-- name: senders
-- Slots that live and may send, and slots that live and may not.
SELECT count(*) FILTER (WHERE standing = 'awake'), count(*) FILTER (WHERE standing <> 'awake')
  FROM worker_beat WHERE beat_at > clock_timestamp() - make_interval(secs => %(silent)s);

-- name: wakes
SELECT count(*), coalesce(extract(epoch FROM %(now)s - min(at)), 0)::float8 FROM dealer_wake;

-- name: ask
-- What is out is due to be asked for now: what was handed over, and what is in doubt already. A claim whose worker may live and be
-- putting people into a group is left alone: its lease ends by itself. As a report that came (woken): nothing is sent by this.
UPDATE campaign_chunk SET lease_until = clock_timestamp()
 WHERE campaign_id = %(campaign)s AND lease_until > clock_timestamp() + interval '1 second'
   AND (state = 2 OR state = 1 AND group_ref IS NOT NULL AND outcome_count(outcome, 'q') > 0);

-- name: wake_up
-- A dispatch that rests because the dealer asked for patience, or could not be reached, may be claimed from now.
UPDATE dispatch SET rest_until = clock_timestamp()
 WHERE campaign_id = %(campaign)s AND finished_at IS NULL AND rest_until > clock_timestamp();
