-- What ``majung doctor`` asks of the database. Everything can be asked by the owner's role; what only an administrator sees is null.

-- name: partitions
-- The last campaign that has a partition, and the last campaign.
SELECT coalesce(max(64 * (substring(c.relname FROM '[0-9]+$')::bigint + 1) - 1), -1), coalesce((SELECT max(id) FROM campaigns_campaign), 0)
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'campaign_chunk'::regclass AND c.relname ~ '^campaign_chunk_[0-9]+$';

-- name: senders
SELECT count(*) FILTER (WHERE beat_at > clock_timestamp() - make_interval(secs => %(silent)s)),
       array_agg(DISTINCT version) FILTER (WHERE beat_at > clock_timestamp() - make_interval(secs => %(silent)s)),
       array_agg(worker ORDER BY worker) FILTER (WHERE beat_at > clock_timestamp() - make_interval(secs => %(silent)s) AND standing <> 'awake')
  FROM worker_beat;

-- name: jobs
SELECT count(*) FILTER (WHERE status = 'failed'),
       array_agg(DISTINCT task_name) FILTER (WHERE status = 'failed'),
       count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, '-infinity') < clock_timestamp() - make_interval(secs => %(patience)s)),
       (SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > clock_timestamp() - make_interval(secs => %(silent)s))
  FROM procrastinate_jobs;

-- name: clock
SELECT extract(epoch FROM clock_timestamp())::float8;

-- name: old_transactions
-- What keeps dead rows from being cleared away: open transactions, prepared ones, and slots of replicas that do not fetch.
SELECT 'transaction', coalesce(application_name, ''), extract(epoch FROM clock_timestamp() - xact_start)::float8
  FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
UNION ALL
SELECT 'prepared', gid, extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_prepared_xacts WHERE database = current_database()
 ORDER BY 3 DESC LIMIT 1;

-- name: slots
SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint FROM pg_replication_slots
 WHERE restart_lsn IS NOT NULL ORDER BY 2 DESC LIMIT 1;

-- name: replicas
-- Null where the role may not see it.
SELECT count(*), max(extract(epoch FROM replay_lag))::float8 FROM pg_stat_replication;

-- name: wal
-- Refused to all but administrators and pg_monitor.
SELECT sum(size)::bigint FROM pg_ls_waldir();

-- name: size
SELECT pg_database_size(current_database()), age(datfrozenxid) FROM pg_database WHERE datname = current_database();

-- name: has_people
-- Whether there has been something to lose for longer than this.
SELECT EXISTS (SELECT FROM person WHERE created_at < %(before)s);

-- name: differences
-- Stored bitmaps that were not what their tables say, and were mended.
SELECT count(*), coalesce(sum(lacking), 0)::bigint, coalesce(sum(surplus), 0)::bigint, array_agg(DISTINCT split_part(set_key, '/', 1))
  FROM crowd_difference WHERE found_at > %(since)s;
