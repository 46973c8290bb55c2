-- What stands in the way of sharding a table, out of the catalogue.

-- name: keys
-- Unique indexes that do not contain the column by which the table would be spread.
SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
 WHERE x.indrelid = %(table)s::regclass AND x.indisunique
   AND NOT EXISTS (SELECT FROM pg_attribute a
                    WHERE a.attrelid = x.indrelid AND a.attnum = ANY(x.indkey) AND a.attname = %(column)s)
 ORDER BY 1;

-- name: triggers
-- Triggers that do more than refuse a change: they write elsewhere, which a shard cannot.
SELECT t.tgname FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
 WHERE t.tgrelid = %(table)s::regclass AND NOT t.tgisinternal AND f.proname <> 'majung_append_only' ORDER BY 1;

-- name: exists
SELECT to_regclass(%(table)s) IS NOT NULL;

-- name: extension
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'citus'),
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citus');

-- name: is_spread
SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = %(table)s::regclass);
