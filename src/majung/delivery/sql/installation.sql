-- Which installation may send, and which workers live. See delivery/installation.py.

-- name: create
-- One row. ``server`` names the database itself, as it stood when an operator last said that it may send; a copy of the
-- database, wherever it came from, is another one. Empty: nobody has taken it yet. A backup does not contain the row.
CREATE TABLE installation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    epoch integer NOT NULL DEFAULT 1 CHECK (epoch > 0),
    server text NOT NULL DEFAULT '',
    restored_from timestamptz,
    backed_up_at timestamptz
);
INSERT INTO installation DEFAULT VALUES;

-- One row a sending slot, written every few seconds while it lives.
CREATE TABLE worker_beat (
    worker text PRIMARY KEY,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    standing text NOT NULL,
    resident_bytes bigint NOT NULL CHECK (resident_bytes >= 0)
) WITH (fillfactor = 50);

-- What dealers' answers took, by account and kind of answer, since the beginning. ``under``: how many took less than each
-- bound of ``installation.BOUNDS`` (seconds).
CREATE TABLE dealer_call (
    account_id bigint NOT NULL,
    answer text NOT NULL CHECK (answer IN ('good', 'refused', 'broken', 'lost', 'unsent')),
    calls bigint NOT NULL CHECK (calls > 0),
    seconds double precision NOT NULL CHECK (seconds >= 0),
    under bigint[] NOT NULL,
    PRIMARY KEY (account_id, answer)
) WITH (fillfactor = 50);

-- name: drop
DROP TABLE dealer_call, worker_beat, installation;

-- name: here
-- The database that answers: the server's own number, the database's, and the line of history it writes. A restored, cloned or
-- recovered database differs in at least one of them.
SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
       || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8);

-- name: read
SELECT id::text, epoch, server, restored_from, backed_up_at FROM installation;

-- name: take
-- Whoever comes first.
UPDATE installation SET server = %(here)s WHERE server = '' RETURNING id::text, epoch;

-- name: make
-- A restore that was cut off left no row.
INSERT INTO installation DEFAULT VALUES ON CONFLICT DO NOTHING;

-- name: wake
UPDATE installation SET epoch = epoch + 1, server = %(here)s, restored_from = NULL RETURNING id::text, epoch;

-- name: restored
INSERT INTO installation (id, epoch, server, restored_from) VALUES (%(id)s, %(epoch)s, 'restored', %(made_at)s);

-- name: backed_up
UPDATE installation SET backed_up_at = %(at)s;

-- name: present
-- What ``pick`` and ``out`` of the ledger compare with the row.
SELECT set_config('majung.mark', %(mark)s, false);

-- name: beat
INSERT INTO worker_beat (worker, version, standing, resident_bytes)
VALUES (%(worker)s, %(version)s, %(standing)s, %(resident)s)
ON CONFLICT (worker) DO UPDATE
   SET beat_at = clock_timestamp(), standing = excluded.standing, resident_bytes = excluded.resident_bytes;

-- name: forget
DELETE FROM worker_beat WHERE beat_at < clock_timestamp() - interval '1 day';

-- name: calls
INSERT INTO dealer_call AS d (account_id, answer, calls, seconds, under)
VALUES (%(account)s, %(answer)s, %(calls)s, %(seconds)s, %(under)s)
ON CONFLICT (account_id, answer) DO UPDATE
   SET calls = d.calls + excluded.calls, seconds = d.seconds + excluded.seconds,
       under = ARRAY(SELECT a + b FROM unnest(d.under, excluded.under) WITH ORDINALITY AS u(a, b, place) ORDER BY place);
