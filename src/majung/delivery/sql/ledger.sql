-- The engine's statements. Leases and order go by the database's clock, legal and shown instants come in as %(now)s.

-- name: give_up
-- The server's half of noticing that this worker is cut off: in the middle of a transaction, or without a packet.
SELECT set_config('idle_in_transaction_session_timeout', (2 * %(seconds)s * 1000)::text, false),
       set_config('tcp_user_timeout', (%(seconds)s * 1000)::text, false),
       set_config('tcp_keepalives_idle', (%(seconds)s / 3)::text, false),
       set_config('tcp_keepalives_interval', (%(seconds)s / 6)::text, false),
       set_config('tcp_keepalives_count', '4', false);

-- name: pick
-- Whose turn it is among the dispatches that may leave now and have something ready (M5): the unit that had the least of its fair
-- share (its ``turn``; who comes newly begins where the others are), and of that unit the dispatch served longest ago. So a
-- big unit never delays a small one, and many campaigns of one unit are no more than one. Sorted first, so that chunks are looked for in that order
-- and no further than to the first that has some: only what stands in a subquery of its own is asked row by row.
-- Only while the mark that the connection shows is the installation's (installation.py).
SELECT w.campaign_id, w.start, w.unit_id, w.account_id, w.entity_id,
       EXISTS (SELECT FROM pace p WHERE p.root_id = w.root_id AND p.kind <> 'unit'
                  AND (p.per_minute IS NOT NULL OR p.declared IS NOT NULL OR p.learned IS NOT NULL OR p.free_at > clock_timestamp()))
  FROM (SELECT *, greatest(max(turn) OVER (PARTITION BY unit_id), max(began) OVER ()) AS start
          FROM (SELECT d.campaign_id, d.root_id, d.account_id, t.entity_id, t.unit_id, d.not_before, d.rest_until, t.turn, t.began
                  FROM dispatch d JOIN dispatch_turn t USING (campaign_id)
                 WHERE d.finished_at IS NULL AND d.state = 'sending'
                   AND EXISTS (SELECT FROM installation WHERE epoch || ' ' || server = current_setting('majung.mark', true))
                OFFSET 0) AS sending
         ORDER BY start, turn, campaign_id OFFSET 0) AS w
 WHERE w.not_before <= %(now)s AND w.rest_until <= clock_timestamp() AND w.campaign_id <> ALL(%(tried)s::bigint[])
   AND (SELECT count(*) FROM pace p WHERE p.free_at > clock_timestamp()
           AND (p.kind = 'account' AND p.ref = w.account_id OR p.kind = 'entity' AND p.ref = w.entity_id)) = 0
   AND (SELECT true FROM campaign_chunk c WHERE c.campaign_id = w.campaign_id AND c.state = 0
          AND c.channel_id <> ALL(ARRAY(SELECT p.ref FROM pace p WHERE p.kind = 'channel' AND p.free_at > clock_timestamp())) LIMIT 1)
 LIMIT 1;

-- name: served
-- Last in its transaction: slots that serve one unit meet here.
WITH begun AS (UPDATE dispatch SET first_claim_at = %(now)s WHERE campaign_id = %(campaign)s AND first_claim_at IS NULL)
UPDATE dispatch_turn t
   SET began = %(start)s, turn = greatest(t.turn, %(start)s) + %(n)s::bigint * 1000 / coalesce(p.weight, 1)
  FROM (SELECT) AS one LEFT JOIN pace p ON p.kind = 'unit' AND p.ref = %(unit)s
 WHERE t.campaign_id = %(campaign)s;

-- name: ready
SELECT chunk_no, n, channel_id, parent_chunk IS NOT NULL FROM campaign_chunk
 WHERE campaign_id = %(campaign)s AND state = 0
   AND channel_id <> ALL(ARRAY(SELECT p.ref FROM pace p WHERE p.kind = 'channel' AND p.free_at > clock_timestamp()))
 ORDER BY chunk_no LIMIT %(most)s FOR UPDATE SKIP LOCKED;

-- name: claim
-- Of texts in the stead of messages it is told since when those did not arrive: they go on the same day or never.
UPDATE campaign_chunk c
   SET state = 1, attempt = attempt + 1, worker = %(worker)s, group_ref = NULL,
       lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE campaign_id = %(campaign)s AND chunk_no = ANY(%(chunks)s) AND state = 0
RETURNING chunk_no, channel_id, off_route, wave, attempt, people, sealed, outcome, watermark::text, ahead, open_ahead, parent_chunk,
          (SELECT p.handed_at FROM campaign_chunk p WHERE p.campaign_id = c.campaign_id AND p.chunk_no = c.parent_chunk);

-- name: dispatch
SELECT campaign_id, root_id, account_id, unit_id, scope_unit_id, grant_id, occasion, template, segment, unit_centiwon,
       fallback
  FROM dispatch WHERE campaign_id = %(campaign)s;

-- name: basket
-- The group's id is committed before anything is put into it. Only while the lease holds, the dispatch still sends and
-- nobody else has taken the chunks: fewer rows than chunks mean "do not go on". And as opened, of the same chunks.
WITH held AS (
    UPDATE campaign_chunk c
       SET group_ref = %(group)s, judged_at = %(now)s, rule_set = %(rule_set)s
      FROM dispatch d
     WHERE c.campaign_id = %(campaign)s AND c.chunk_no = ANY(%(chunks)s) AND c.state = 1 AND c.worker = %(worker)s
       AND c.lease_until > clock_timestamp() AND d.campaign_id = c.campaign_id AND d.state = 'sending'
    RETURNING c.chunk_no, d.root_id, d.unit_id
)
INSERT INTO access_log (root_id, at, actor_kind, unit_id, n, what, why, address)
SELECT held.root_id, %(now)s, 'system', held.unit_id, v.n, 'delivery', format('메시지 %%s번을 보내려고 묶음 %%s을 엶', %(campaign)s::bigint, v.chunk_no), ''
  FROM held JOIN unnest(%(chunks)s::int[], %(counts)s::int[]) AS v(chunk_no, n) USING (chunk_no);

-- name: opened
-- Whose numbers and names are opened for being sent, chunk by chunk, with the purpose.
INSERT INTO access_log (root_id, at, actor_kind, unit_id, n, what, why, address)
SELECT %(root)s, %(now)s, 'system', %(unit)s, v.n, 'delivery',
       format('메시지 %%s번을 보내려고 묶음 %%s을 엶', %(campaign)s::bigint, v.chunk_no), ''
  FROM unnest(%(chunks)s::int[], %(counts)s::int[]) AS v(chunk_no, n);

-- name: holds
-- The last look before a group is sent: as basket, with enough of the lease left; fewer chunks mean "take a longer one".
SELECT count(*) FROM campaign_chunk c JOIN dispatch d USING (campaign_id)
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = ANY(%(chunks)s) AND c.state = 1 AND c.worker = %(worker)s
   AND c.group_ref = %(group)s AND c.lease_until > clock_timestamp() + make_interval(secs => %(lease)s / 2)
   AND d.state = 'sending';

-- name: opened_again
-- Whose numbers are opened to read what became of them at a dealer that names people by their number.
INSERT INTO access_log (root_id, at, actor_kind, unit_id, n, what, why, address)
SELECT %(root)s, %(now)s, 'system', %(unit)s, v.n, 'delivery',
       format('메시지 %%s번의 결과를 확인하려고 묶음 %%s을 엶', %(campaign)s::bigint, v.chunk_no), ''
  FROM unnest(%(chunks)s::int[], %(counts)s::int[]) AS v(chunk_no, n);

-- name: hold_on
-- A longer lease while a group is filled; as basket.
UPDATE campaign_chunk c SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
  FROM dispatch d
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = ANY(%(chunks)s) AND c.state = 1 AND c.worker = %(worker)s
   AND c.group_ref = %(group)s AND c.lease_until > clock_timestamp() AND d.campaign_id = c.campaign_id
   AND d.state = 'sending';

-- name: handed
-- The group has left. What registration refused is known already; of the rest the provider will tell. Returned are the chunks of which nobody
-- else had written so meanwhile: those alone are charged.
UPDATE campaign_chunk c
   SET state = 2, handed_at = %(now)s, left_at = clock_timestamp(), outcome = v.outcome, request_hash = v.request_hash,
       lease_until = clock_timestamp() + make_interval(secs => %(look)s)
  FROM unnest(%(chunks)s::int[], %(outcomes)s::bytea[], %(hashes)s::bytea[]) AS v(chunk_no, outcome, request_hash)
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = v.chunk_no AND c.state = 1 AND c.group_ref = %(group)s
RETURNING c.chunk_no;

-- name: handed_told
-- As handed and settle in one, for a group of which every result was there as soon as it had left.
WITH hot AS (UPDATE dispatch SET last_settled_at = greatest(last_settled_at, %(now)s) WHERE campaign_id = %(campaign)s)
UPDATE campaign_chunk c
   SET outcome = v.outcome, request_hash = v.request_hash, handed_at = %(now)s, left_at = clock_timestamp(),
       state = CASE WHEN v.is_final THEN 3 ELSE 2 END,
       settled_at = CASE WHEN v.is_final THEN %(now)s END,
       told_at = CASE WHEN v.is_told THEN %(now)s ELSE c.told_at END,
       sealed = CASE WHEN v.is_final THEN NULL ELSE sealed END,
       lease_until = CASE WHEN v.is_final THEN NULL ELSE clock_timestamp() + make_interval(secs => %(look)s) END
  FROM unnest(%(chunks)s::int[], %(outcomes)s::bytea[], %(hashes)s::bytea[], %(finals)s::bool[], %(told)s::bool[])
       AS v(chunk_no, outcome, request_hash, is_final, is_told)
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = v.chunk_no AND c.state = 1 AND c.worker = %(worker)s
   AND c.group_ref = %(group)s;

-- name: outcomes
-- Who was dropped by a rule, or refused by the dealer at registration, just now.
UPDATE campaign_chunk c SET outcome = v.outcome
  FROM unnest(%(chunks)s::int[], %(outcomes)s::bytea[]) AS v(chunk_no, outcome)
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = v.chunk_no AND c.state = 1 AND c.worker = %(worker)s;

-- name: dropped_whole
-- Chunks of which nobody is left after judging again.
UPDATE campaign_chunk
   SET state = 3, judged_at = %(now)s, settled_at = %(now)s, rule_set = %(rule_set)s, sealed = NULL,
       lease_until = NULL
 WHERE campaign_id = %(campaign)s AND chunk_no = ANY(%(chunks)s) AND state = 1 AND worker = %(worker)s;

-- name: put_back
-- Nothing of these has left and nothing can any more: they are ready again.
UPDATE campaign_chunk
   SET state = 0, worker = NULL, lease_until = NULL, group_ref = NULL,
       outcome = convert_to(replace(convert_from(outcome, 'LATIN1'), 'q', 'n'), 'LATIN1')
 WHERE campaign_id = %(campaign)s AND chunk_no = ANY(%(chunks)s) AND state = 1 AND worker = %(worker)s;

-- name: out
-- One group to look at (state 2), or the chunks of a dead worker (state 1). The lock on its name lasts as long as the
-- transaction: two slots that see the same group do not take its chunks from both ends. As pick, only for the installation.
SELECT campaign_id, group_ref, state
  FROM (SELECT campaign_id, group_ref, state FROM campaign_chunk
         WHERE state IN (1, 2) AND lease_until <= clock_timestamp()
           AND EXISTS (SELECT FROM installation WHERE epoch || ' ' || server = current_setting('majung.mark', true))
         GROUP BY campaign_id, group_ref, state ORDER BY min(lease_until) LIMIT 8) AS due
 WHERE pg_try_advisory_xact_lock(campaign_id::int, hashtext(coalesce(group_ref, '')))
 LIMIT 1;

-- name: adopt
-- All chunks that share its fate are this worker's for a while. What was claimed and has a group is in doubt from now on. Of each, how
-- long ago it left: by the database, since hosts may disagree by minutes, and by the clock of business, for what is a matter of days (of what may
-- have left: how long ago its group's id was committed).
UPDATE campaign_chunk
   SET worker = %(worker)s, lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
       outcome = CASE WHEN state = 1 AND group_ref IS NOT NULL
                      THEN convert_to(replace(convert_from(outcome, 'LATIN1'), 'n', 'q'), 'LATIN1') ELSE outcome END
 WHERE campaign_id = %(campaign)s AND state = %(state)s AND lease_until <= clock_timestamp()
   AND (group_ref = %(group)s OR %(group)s::text IS NULL AND group_ref IS NULL)
RETURNING chunk_no, extract(epoch FROM clock_timestamp() - coalesce(left_at, handed_at, clock_timestamp()))::float8,
          extract(epoch FROM %(now)s - coalesce(handed_at, judged_at, %(now)s))::float8,
          outcome_count(outcome, 'a') + outcome_count(outcome, 'q'), parent_chunk IS NOT NULL;

-- name: doubt_left
-- The provider says that the group has left: the chunks are handed, though nobody saw the answer.
UPDATE campaign_chunk
   SET state = 2, handed_at = %(now)s, left_at = clock_timestamp(), lease_until = clock_timestamp(),
       outcome = convert_to(replace(convert_from(outcome, 'LATIN1'), 'q', 'a'), 'LATIN1')
 WHERE campaign_id = %(campaign)s AND chunk_no = ANY(%(chunks)s) AND state = 1 AND worker = %(worker)s
RETURNING chunk_no, attempt, outcome;

-- name: repeats
-- The provider has no record of the group: its people are sent again under the same ids, knowingly.
INSERT INTO chunk_exception (campaign_id, chunk_no, seq, attempt, code, person_id, detail)
SELECT c.campaign_id, c.chunk_no, p.seq - 1, c.attempt + 1, 'REPEAT', p.person, c.group_ref
  FROM campaign_chunk c, unnest(c.people) WITH ORDINALITY AS p(person, seq)
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = ANY(%(chunks)s) AND c.state = 1 AND c.worker = %(worker)s
   AND get_byte(c.outcome, (p.seq - 1)::int) = ascii('q')
ON CONFLICT DO NOTHING;

-- name: group_chunks
SELECT chunk_no, channel_id, off_route, wave, attempt, people, outcome, watermark::text, ahead, open_ahead,
       parent_chunk
  FROM campaign_chunk
 WHERE campaign_id = %(campaign)s AND group_ref = %(group)s AND state = 2 AND worker = %(worker)s
 ORDER BY chunk_no FOR NO KEY UPDATE;

-- name: reported_chunks
-- Chunks of which a dealer has told, those of this account alone; one that is still claimed may have left a moment ago.
SELECT c.state, c.group_ref, c.chunk_no, c.channel_id, c.off_route, c.wave, c.attempt, c.people, c.outcome, c.watermark::text, c.ahead, c.open_ahead,
       c.parent_chunk
  FROM campaign_chunk c JOIN dispatch d USING (campaign_id)
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = ANY(%(chunks)s) AND c.state IN (1, 2) AND d.account_id = %(account)s
 ORDER BY c.chunk_no FOR NO KEY UPDATE OF c;

-- name: last_handed
SELECT max(handed_at) FROM campaign_chunk WHERE campaign_id = %(campaign)s AND chunk_no = ANY(%(chunks)s);

-- name: sealed
SELECT chunk_no, sealed FROM campaign_chunk
 WHERE campaign_id = %(campaign)s AND chunk_no = ANY(%(chunks)s);

-- name: settle
WITH hot AS (UPDATE dispatch SET last_settled_at = greatest(last_settled_at, %(now)s) WHERE campaign_id = %(campaign)s)
UPDATE campaign_chunk c
   SET outcome = v.outcome,
       state = CASE WHEN v.is_final THEN 3 ELSE 2 END,
       settled_at = CASE WHEN v.is_final THEN %(now)s ELSE settled_at END,
       told_at = CASE WHEN v.is_told THEN coalesce(c.told_at, %(now)s) ELSE c.told_at END,
       sealed = CASE WHEN v.is_final THEN NULL ELSE sealed END,
       lease_until = CASE WHEN v.is_final THEN NULL ELSE clock_timestamp() + make_interval(secs => %(look)s) END
  FROM unnest(%(chunks)s::int[], %(outcomes)s::bytea[], %(finals)s::bool[], %(told)s::bool[])
       AS v(chunk_no, outcome, is_final, is_told)
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = v.chunk_no AND c.state = 2;

-- name: told
-- Chunks whose "not a friend" waits to be noted as friendships, of one campaign or of all; up to an instant, or whenever it was told.
SELECT campaign_id, chunk_no, root_id, channel_id, told_at, people, outcome FROM campaign_chunk
 WHERE told_at <= coalesce(%(until)s::timestamptz, 'infinity') AND (%(campaign)s::bigint IS NULL OR campaign_id = %(campaign)s)
 ORDER BY told_at, root_id, campaign_id, chunk_no LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED;

-- name: noted
UPDATE campaign_chunk c SET told_at = NULL, noted_by = pg_current_xact_id()
  FROM unnest(%(campaigns)s::bigint[], %(chunks)s::int[]) AS v(campaign_id, chunk_no)
 WHERE c.campaign_id = v.campaign_id AND c.chunk_no = v.chunk_no;

-- name: look_later
UPDATE campaign_chunk SET lease_until = clock_timestamp() + make_interval(secs => %(look)s)
 WHERE campaign_id = %(campaign)s AND group_ref = %(group)s AND state IN (1, 2) AND worker = %(worker)s;

-- name: woken
UPDATE campaign_chunk c SET lease_until = clock_timestamp()
  FROM unnest(%(groups)s::text[]) AS w(group_ref)
 WHERE c.state = 2 AND c.group_ref = w.group_ref AND c.lease_until > clock_timestamp() + interval '1 second';

-- name: numbers
-- Numbers for new chunks.
UPDATE dispatch SET next_chunk = next_chunk + %(fresh)s
 WHERE campaign_id = %(campaign)s RETURNING next_chunk - %(fresh)s;

-- name: cost
INSERT INTO cost_entry (campaign_id, chunk_no, attempt, kind, message_kind, root_id, account_id, unit_id, n, centiwon, at)
SELECT d.campaign_id, v.chunk_no, v.attempt, %(kind)s, %(message_kind)s, d.root_id, d.account_id, d.unit_id, v.n,
       v.n::bigint * %(unit_centiwon)s::int * CASE WHEN %(kind)s = 'charged' THEN 1 ELSE -1 END, %(now)s
  FROM dispatch d, unnest(%(chunks)s::int[], %(attempts)s::int[], %(counts)s::int[]) AS v(chunk_no, attempt, n)
 WHERE d.campaign_id = %(campaign)s AND v.n > 0 AND %(unit_centiwon)s::int > 0;

-- name: exceptions
INSERT INTO chunk_exception (campaign_id, chunk_no, seq, attempt, code, person_id, detail)
SELECT %(campaign)s, v.* FROM unnest(%(chunks)s::int[], %(seqs)s::smallint[], %(attempts)s::smallint[], %(codes)s::text[],
                                     %(people)s::int[], %(details)s::text[]) AS v
ON CONFLICT DO NOTHING;

-- name: left_out
INSERT INTO campaign_left_out (campaign_id, root_id, stage, reason, n, people)
VALUES (%(campaign)s, %(root)s, %(stage)s, %(reason)s, cardinality(%(people)s::int[]), %(people)s::int[]);

-- name: pause
UPDATE dispatch SET state = 'paused', pause_reason = %(reason)s, problem = %(problem)s
 WHERE campaign_id = %(campaign)s AND state = 'sending';

-- name: hold
-- The window is closed: nothing more is claimed before it opens.
UPDATE dispatch SET not_before = greatest(not_before, %(until)s), problem = %(problem)s WHERE campaign_id = %(campaign)s;

-- name: rest
-- The provider cannot be reached or asks for patience.
UPDATE dispatch SET rest_until = clock_timestamp() + make_interval(secs => %(seconds)s), problem = %(problem)s
 WHERE campaign_id = %(campaign)s;

-- name: stop_ready
-- What is still ready in a stopped dispatch will never leave: everybody without an outcome is left out as stopped, some chunks at a time.
-- Materialized: a subquery may be run again for each row that it is joined to, and then its limit holds nothing back.
WITH before AS MATERIALIZED (
    SELECT chunk_no, outcome FROM campaign_chunk WHERE campaign_id = %(campaign)s AND state = 0
     ORDER BY chunk_no LIMIT %(most)s FOR UPDATE SKIP LOCKED
), swept AS (
    UPDATE campaign_chunk c
       SET state = 3, settled_at = %(now)s, sealed = NULL,
           outcome = convert_to(replace(convert_from(c.outcome, 'LATIN1'), 'n', 'l'), 'LATIN1')
      FROM before, dispatch d
     WHERE c.campaign_id = %(campaign)s AND c.chunk_no = before.chunk_no AND d.campaign_id = c.campaign_id
       AND d.state = 'stopped'
    RETURNING c.root_id, c.people, before.outcome
), people AS (
    SELECT s.root_id, array_agg(p.person ORDER BY p.person) AS people
      FROM swept s, unnest(s.people) WITH ORDINALITY AS p(person, seq)
     WHERE get_byte(s.outcome, (p.seq - 1)::int) = ascii('n') GROUP BY s.root_id
)
INSERT INTO campaign_left_out (campaign_id, root_id, stage, reason, n, people)
SELECT %(campaign)s, root_id, 'stop', 'STOPPED', cardinality(people), people FROM people;

-- name: finishable
-- Dispatches of which nothing is out or ready any more; one that was paused too late is over like any other. And whether something
-- of them waits to be noted. A few at a time: while others are still sending, closing books is not what they wait for.
SELECT d.campaign_id, EXISTS (SELECT FROM campaign_chunk c WHERE c.campaign_id = d.campaign_id AND c.told_at IS NOT NULL)
  FROM dispatch d
 WHERE d.finished_at IS NULL AND d.state IN ('sending', 'paused', 'stopped')
   AND NOT EXISTS (SELECT FROM campaign_chunk c WHERE c.campaign_id = d.campaign_id AND c.state = 0)
   AND NOT EXISTS (SELECT FROM campaign_chunk c WHERE c.campaign_id = d.campaign_id AND c.state IN (1, 2))
 LIMIT 8;

-- name: finishing
-- This slot alone draws up the books of a dispatch that is not finished yet; no row or false: another one did, or does.
SELECT pg_try_advisory_xact_lock(hashtext('majung.finish'), campaign_id::int) FROM dispatch
 WHERE campaign_id = %(campaign)s AND finished_at IS NULL;

-- name: stopped_ready
SELECT d.campaign_id FROM dispatch d
 WHERE d.finished_at IS NULL AND d.state = 'stopped'
   AND EXISTS (SELECT FROM campaign_chunk c WHERE c.campaign_id = d.campaign_id AND c.state = 0);

-- name: finish
-- Not before everything is noted; another slot may be at it.
UPDATE dispatch SET state = CASE state WHEN 'stopped' THEN state ELSE 'finished' END, finished_at = %(now)s, problem = '',
       pause_reason = ''
 WHERE campaign_id = %(campaign)s AND finished_at IS NULL AND state IN ('sending', 'paused', 'stopped')
   AND NOT EXISTS (SELECT FROM campaign_chunk WHERE campaign_id = %(campaign)s AND told_at IS NOT NULL);

-- name: trouble
UPDATE dispatch SET problem = %(problem)s WHERE campaign_id = %(campaign)s AND problem <> %(problem)s;

-- name: changes
-- What changed since the watermark, except the friendships of transactions that noted "not a friend" of this very campaign: of the
-- people they are about, the next channel has been chosen in the light of it. (Such a transaction may fold what other campaigns were told,
-- too: a refusal in it is news.) The first row is another: up to where all is seen now (what is
-- still running is read again), and whether changes since the campaign's watermark have been forgotten (the nightly cut may meet a
-- freeze that is still running).
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon,
       EXISTS (SELECT FROM crowd_horizon h WHERE h.root_id = %(root)s AND h.forgot_below > %(first)s::xid8) AS is_lost,
       NULL AS family, NULL::bigint AS subject, NULL::int[] AS people
UNION ALL
SELECT NULL, NULL, c.family, c.subject, c.people FROM crowd_change c
 WHERE c.root_id = %(root)s AND c.xid >= %(watermark)s::xid8
   AND c.family NOT IN ('week', 'sent')  -- no rule asks the log for them: places of the week are held, not judged (week.py)
   AND (c.family <> 'friend'
        OR c.xid NOT IN (SELECT made_by FROM campaign_chunk WHERE campaign_id = %(campaign)s AND wave > 1
                         UNION ALL
                         SELECT noted_by FROM campaign_chunk WHERE campaign_id = %(campaign)s AND noted_by IS NOT NULL));

-- name: units
SELECT id, path FROM tree_unit WHERE root_id = %(root)s;

-- name: homes
SELECT home_unit_id, array_agg(id::int4) FROM person WHERE id = ANY(%(people)s::bigint[]) GROUP BY home_unit_id;

-- name: friendships
-- Each person is looked up by the key: left to choose, the planner reads the whole table for a few thousand people.
SELECT f.channel_id, f.state::int, array_agg(f.person_id::int4)
  FROM unnest(%(people)s::int[]) AS p(id)
 CROSS JOIN LATERAL (SELECT channel_id, state, person_id FROM friendship WHERE person_id = p.id OFFSET 0) AS f
 GROUP BY f.channel_id, f.state;

-- Dealers that send at once (direct.py): group_ref is our request key until the dealer's reference is known. keyed_at and left_at are the
-- database's instants of the last commit before the first of a chunk could leave and of the first after all had: how long a dealer has had
-- to list what it took, when it was asked and when it is asked next, is measured by one clock, whichever host asks.

-- name: key
-- The request's key is committed before the request leaves, with a fresh lease. Only while the lease holds, the dispatch
-- still sends and nobody else has taken the chunk: no row means "do not send".
UPDATE campaign_chunk c
   SET group_ref = %(key)s, judged_at = %(now)s, rule_set = %(rule_set)s, keyed_at = clock_timestamp(),
       lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
  FROM dispatch d
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = %(chunk)s AND c.state = 1 AND c.worker = %(worker)s
   AND c.attempt = %(attempt)s AND c.lease_until > clock_timestamp() AND d.campaign_id = c.campaign_id AND d.state = 'sending';

-- name: hold_waiting
-- A longer lease for chunks whose turn has not come.
UPDATE campaign_chunk SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE campaign_id = %(campaign)s AND chunk_no = ANY(%(chunks)s) AND state = 1 AND worker = %(worker)s
   AND group_ref IS NULL AND lease_until > clock_timestamp();

-- name: taken
-- The dealer answered. Whoever holds the chunk by now: this attempt was taken, so it must not be sent again.
UPDATE campaign_chunk
   SET state = 2, handed_at = %(now)s, left_at = clock_timestamp(), outcome = %(outcome)s, request_hash = %(hash)s, group_ref = %(ref)s,
       worker = coalesce(worker, 'late'), lease_until = clock_timestamp() + make_interval(secs => %(look)s)
 WHERE campaign_id = %(campaign)s AND chunk_no = %(chunk)s AND attempt = %(attempt)s
   AND (state = 0 OR state = 1 AND group_ref = %(key)s);

-- name: attempt
SELECT attempt FROM campaign_chunk WHERE campaign_id = %(campaign)s AND chunk_no = %(chunk)s;

-- name: keyed
-- The chunk that waits under a request key: number, attempt, state, when the key was committed, and seconds since then.
SELECT chunk_no, attempt, state, keyed_at, extract(epoch FROM clock_timestamp() - keyed_at)::float8 FROM campaign_chunk
 WHERE campaign_id = %(campaign)s AND group_ref = %(key)s AND state IN (1, 2) FOR NO KEY UPDATE;

-- name: doubted
-- The adapter of that request, if it is in doubt and of a campaign of this account, and whether it was of texts instead.
SELECT a.adapter, c.parent_chunk IS NOT NULL FROM campaign_chunk c JOIN dispatch d USING (campaign_id) JOIN channels_dealeraccount a ON a.id = d.account_id
 WHERE c.campaign_id = %(campaign)s AND c.group_ref = %(key)s AND c.state IN (1, 2) AND d.account_id = %(account)s
   AND outcome_count(c.outcome, 'q') > 0;

-- name: adopt_ref
-- The dealer knows the request: it has left.
UPDATE campaign_chunk
   SET state = 2, group_ref = %(ref)s, handed_at = coalesce(handed_at, %(now)s), left_at = clock_timestamp(), lease_until = clock_timestamp(),
       outcome = convert_to(replace(convert_from(outcome, 'LATIN1'), 'q', 'a'), 'LATIN1')
 WHERE campaign_id = %(campaign)s AND group_ref = %(key)s AND state IN (1, 2)
RETURNING chunk_no, attempt, outcome;

-- name: again
-- The dealer is sure that it took no such request: these people are sent again, on its word.
INSERT INTO chunk_exception (campaign_id, chunk_no, seq, attempt, code, person_id, detail)
SELECT c.campaign_id, c.chunk_no, p.seq - 1, c.attempt + 1, 'AGAIN', p.person, c.group_ref
  FROM campaign_chunk c, unnest(c.people) WITH ORDINALITY AS p(person, seq)
 WHERE c.campaign_id = %(campaign)s AND c.group_ref = %(key)s AND c.state = 1 AND c.worker = %(worker)s
   AND get_byte(c.outcome, (p.seq - 1)::int) = ascii('q')
ON CONFLICT DO NOTHING;

-- name: waits
-- Nobody can say whether the request was taken: it counts as left, its people in doubt.
UPDATE campaign_chunk SET state = 2, handed_at = %(now)s, left_at = clock_timestamp(), lease_until = clock_timestamp()
 WHERE campaign_id = %(campaign)s AND group_ref = %(key)s AND state = 1 AND worker = %(worker)s
RETURNING chunk_no, attempt, outcome;

-- name: of_request
-- The chunk of a handed request, whether the dealer's answer was seen, its people with their sealed values, and seconds since it left.
SELECT chunk_no, outcome, request_hash IS NOT NULL, cardinality(people), sealed, extract(epoch FROM clock_timestamp() - left_at)::float8 FROM campaign_chunk
 WHERE campaign_id = %(campaign)s AND group_ref = %(ref)s AND state = 2 AND worker = %(worker)s;

-- Dealers of one person a request (singles.py): group_ref is our key of the chunk's attempt, and stays it.

-- name: key_opened
-- As key, and with it the line of the access log for those whose numbers and names are opened from now on (X2). No row: do not go on.
WITH keyed AS (
    UPDATE campaign_chunk c
       SET group_ref = %(key)s, judged_at = %(now)s, rule_set = %(rule_set)s, keyed_at = clock_timestamp(),
           lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
      FROM dispatch d
     WHERE c.campaign_id = %(campaign)s AND c.chunk_no = %(chunk)s AND c.state = 1 AND c.worker = %(worker)s
       AND c.attempt = %(attempt)s AND c.lease_until > clock_timestamp() AND d.campaign_id = c.campaign_id AND d.state = 'sending'
    RETURNING c.chunk_no
)
INSERT INTO access_log (root_id, at, actor_kind, unit_id, n, what, why, address)
SELECT %(root)s, %(now)s, 'system', %(unit)s, %(n)s, 'delivery',
       format('메시지 %%s번을 보내려고 묶음 %%s을 엶', %(campaign)s::bigint, keyed.chunk_no), '' FROM keyed;

-- name: taken_paid
-- As taken, under our own key, and as cost for those who are paid for. Returns how many chunks it was: 0 or 1.
WITH taken AS (
    UPDATE campaign_chunk
       SET state = 2, handed_at = %(now)s, left_at = clock_timestamp(), outcome = %(outcome)s, request_hash = %(hash)s,
           lease_until = clock_timestamp() + make_interval(secs => %(look)s)
     WHERE campaign_id = %(campaign)s AND chunk_no = %(chunk)s AND attempt = %(attempt)s AND state = 1 AND group_ref = %(key)s
    RETURNING chunk_no
), paid AS (
    INSERT INTO cost_entry (campaign_id, chunk_no, attempt, kind, message_kind, root_id, account_id, unit_id, n, centiwon, at)
    SELECT d.campaign_id, taken.chunk_no, %(attempt)s, 'charged', %(message_kind)s, d.root_id, d.account_id, d.unit_id, %(paid)s::int,
           %(paid)s::bigint * %(unit_centiwon)s::int, %(now)s
      FROM dispatch d, taken WHERE d.campaign_id = %(campaign)s AND %(paid)s::int > 0 AND %(unit_centiwon)s::int > 0
)
SELECT count(*) FROM taken;

-- name: ahead
-- What the claim does not tell of a chunk, for those of it who stand in a further one.
SELECT off_route, ahead, open_ahead FROM campaign_chunk WHERE campaign_id = %(campaign)s AND chunk_no = %(chunk)s;

-- name: due_with
-- Handed chunks of one campaign and medium that are due to be looked at, that of the group first: this worker's for a while.
WITH due AS MATERIALIZED (
    SELECT chunk_no FROM campaign_chunk
     WHERE campaign_id = %(campaign)s AND state = 2 AND (parent_chunk IS NOT NULL) = %(is_text)s
       AND (lease_until <= clock_timestamp() OR group_ref = %(group)s AND worker = %(worker)s)
     ORDER BY group_ref <> %(group)s, chunk_no LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE campaign_chunk c
   SET worker = %(worker)s, lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
  FROM due
 WHERE c.campaign_id = %(campaign)s AND c.chunk_no = due.chunk_no
RETURNING c.chunk_no, c.group_ref, c.people, c.outcome, c.keyed_at, c.left_at,
          extract(epoch FROM clock_timestamp() - c.left_at)::float8, extract(epoch FROM %(now)s - c.handed_at)::float8;

-- name: chunks_out
-- As group_chunks, by number.
SELECT chunk_no, channel_id, off_route, wave, attempt, people, outcome, watermark::text, ahead, open_ahead,
       parent_chunk
  FROM campaign_chunk
 WHERE campaign_id = %(campaign)s AND chunk_no = ANY(%(chunks)s) AND state = 2 AND worker = %(worker)s
 ORDER BY chunk_no FOR NO KEY UPDATE;

-- name: cells
SELECT outcome FROM campaign_chunk WHERE campaign_id = %(campaign)s AND chunk_no = %(chunk)s;
