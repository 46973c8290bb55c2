-- What a backup remembers of the database, and what a restored one is compared with.

-- name: same_words
-- Rows are compared as text: the same text whatever the session, server or time zone.
SELECT set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO, YMD', false), set_config('bytea_output', 'hex', false),
       set_config('extra_float_digits', '1', false), set_config('intervalstyle', 'iso_8601', false);

-- name: tables
-- Tables of the schema with rows of their own, and what they take on disk.
SELECT c.relname, pg_table_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY c.relname;

-- name: rows
-- How many, and a sum that no order changes: a row lost, doubled or changed changes it.
SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {table} AS t;

-- name: access_log
-- The end of each organisation's chain: whoever holds it holds every line before it.
SELECT root_id::text, seq || ' ' || encode(hash, 'hex') FROM access_chain ORDER BY root_id;

-- name: chunks
-- Of each campaign: chunks, people, and a hash over who is in them, how they stand, and what became of each.
SELECT campaign_id::text,
       count(*) || ' ' || sum(n) || ' ' || encode(sha256(string_agg(sha256(
           int4send(chunk_no) || int2send(state) || int2send(attempt) || array_send(people) || outcome), ''::bytea ORDER BY chunk_no)), 'hex')
  FROM campaign_chunk GROUP BY campaign_id ORDER BY campaign_id;

-- name: money
SELECT campaign_id::text, kind || ' ' || sum(centiwon) FROM cost_entry GROUP BY campaign_id, kind ORDER BY campaign_id, kind;

-- name: numbers
-- The next transaction's number. Rows hold such numbers (watermarks, order in the stream), so a restored server goes on above it.
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint;

-- name: migrations
SELECT app || '.' || name FROM django_migrations ORDER BY 1;
