-- What is measured at each scrape. Bounded: campaigns under way or ended within a day, everything else by small tables.

-- name: recent
-- Campaigns of which the figures tell: not finished, or finished within a day.
SELECT campaign_id FROM dispatch WHERE finished_at IS NULL OR finished_at > %(now)s - interval '1 day';

-- name: dispatches
SELECT state, count(*) FROM dispatch WHERE campaign_id = ANY(%(campaigns)s) GROUP BY state;

-- name: chunks
SELECT state, count(*) FROM campaign_chunk WHERE campaign_id = ANY(%(campaigns)s) GROUP BY state;

-- name: messages
-- {sums}: terms of the books.
SELECT {sums} FROM campaign_chunk WHERE campaign_id = ANY(%(campaigns)s);

-- name: left_out
SELECT stage, reason, sum(n) FROM campaign_left_out WHERE campaign_id = ANY(%(campaigns)s) GROUP BY stage, reason;

-- name: oldest_waiting
-- Of dispatches with something ready: how long ago the one that stands longest became due, or had something settled.
SELECT coalesce(max(extract(epoch FROM %(now)s - greatest(d.not_before, d.last_settled_at))), 0)::float8
  FROM dispatch d
 WHERE d.campaign_id = ANY(%(campaigns)s) AND d.state = 'sending' AND d.not_before <= %(now)s
   AND EXISTS (SELECT FROM campaign_chunk c WHERE c.campaign_id = d.campaign_id AND c.state = 0);

-- name: dealers
SELECT a.adapter, d.account_id, d.answer, d.calls, d.seconds, d.under
  FROM dealer_call d JOIN channels_dealeraccount a ON a.id = d.account_id ORDER BY d.account_id, d.answer;

-- name: senders
SELECT worker, extract(epoch FROM clock_timestamp() - beat_at)::float8, resident_bytes, standing FROM worker_beat
 WHERE beat_at > clock_timestamp() - interval '10 minutes' ORDER BY worker;

-- name: jobs
SELECT status::text, queue_name, count(*) FROM procrastinate_jobs WHERE status <> 'succeeded' GROUP BY status, queue_name;

-- name: job_workers
SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > clock_timestamp() - interval '1 minute';

-- name: wakes
-- Reports that no worker has looked at yet, and how long the oldest waits.
SELECT count(*), coalesce(extract(epoch FROM %(now)s - min(at)), 0)::float8 FROM dealer_wake;

-- name: money
-- 1/100 won of this month's campaigns: still set aside, and spent.
SELECT coalesce(sum(centiwon) FILTER (WHERE state = 'held'), 0)::bigint, coalesce(sum(spent_centiwon), 0)::bigint
  FROM tree_reservation WHERE month = %(month)s;

-- name: database
SELECT pg_database_size(current_database()), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - min(xact_start)) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()), 0)::float8;

-- name: backup
SELECT extract(epoch FROM backed_up_at)::float8 FROM installation WHERE backed_up_at IS NOT NULL;
