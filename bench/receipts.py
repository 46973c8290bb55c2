"""How many dealer reports a second are taken, 1,000 a request, and folded into the ledger; and the WAL each costs.

    python bench/receipts.py [--runs 5] [receipts wal_receipt]

A million reports a run, Solapi's (kakao.md §4.1) in their full form, over four connections. Load generator, inlet, folder and
PostgreSQL share the machine. A run ends when every byte of the ledger is final and the inbox is empty. 97 messages in a
hundred arrive, the others fail; one in a thousand of all is an opt-out that becomes a refusal. Baskets of 10,000 report one
after the other, mixed within; one run more has them mixed over the whole campaign. Floor: the same server and reading,
answered without a database; of the WAL, three bytes stored and one folded.
"""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from bench import kit, webhooks  # noqa: E402  the path is set above

REPORTS, CONNECTIONS = 1_000_000, 4
CHUNK, GROUP, CALL = 1000, 10_000, 1000
NAME = "receipts"
DATABASE = f"majung_bench_{NAME}"
WAL_FLOOR = 4.0
OPT_OUT = 6
"""The position in every chunk of somebody who had called the 080 number."""
MODEL = 1
"""The campaign that was frozen by the planner; those of the runs are copies of it."""


def build() -> str:
    """A party and one frozen campaign; the path of its account's reports."""
    from django.db import transaction

    from majung.channels.models import DealerAccount
    from majung.core.db import raw
    from majung.crowd import catalogue
    from majung.delivery import planner
    from tests.make import delivery as make

    catalogue.load()
    if not DealerAccount.objects.exists():
        with transaction.atomic():
            party = make.party(people=1000)
        planner.freeze(raw(), make.order(party, campaign=MODEL))
    raw().execute(
        """INSERT INTO person (id, root_id, public_id, entity_id, created_at)
           SELECT c * %(n)s::int + %(at)s + 1, d.root_id, gen_random_uuid(), (d.occasion ->> 'entity_id')::bigint, now()
             FROM dispatch d, generate_series(1, %(chunks)s - 1) AS c WHERE d.campaign_id = %(model)s ON CONFLICT DO NOTHING""",
        {"n": CHUNK, "at": OPT_OUT, "chunks": REPORTS // CHUNK, "model": MODEL},
    )
    raw().execute("TRUNCATE refusal_entry, refusal")
    raw().execute("DELETE FROM inbox")
    raw().execute("DELETE FROM campaign_chunk WHERE campaign_id > %s", [MODEL])
    return f"/r/{DealerAccount.objects.get().report_token}"


def group_of(campaign: int, chunk: int) -> str:
    """The basket of a chunk, in the form of Solapi's ids."""
    return f"G4V20260302090000{campaign:05}{(chunk - 1) * CHUNK // GROUP:010}"


def hand_over(connection: psycopg.Connection[Any], campaign: int) -> None:
    """A campaign of which everything was handed over and nothing was told."""
    chunks = REPORTS // CHUNK
    connection.execute("SELECT campaign_chunk_ahead(%s)", [campaign])
    connection.execute(
        """INSERT INTO dispatch (campaign_id, root_id, account_id, unit_id, scope_unit_id, grant_id, purpose, medium, occasion,
                  template, segment, state, not_before, watermark, rule_set, unit_centiwon, worst_centiwon, audience,
                  left_out, planned,
                  chunks, next_chunk, frozen_at)
           SELECT %(campaign)s, root_id, account_id, unit_id, scope_unit_id, grant_id, purpose, medium, occasion, template,
                  jsonb_set(segment, '{stops}', '[]'), 'sending', not_before, watermark, rule_set, unit_centiwon, worst_centiwon,
                  %(reports)s, 0, %(reports)s, %(chunks)s, %(chunks)s + 1, frozen_at FROM dispatch WHERE campaign_id = %(model)s""",
        {"campaign": campaign, "reports": REPORTS, "chunks": chunks, "model": MODEL},
    )
    connection.execute(
        """INSERT INTO campaign_chunk (campaign_id, chunk_no, wave, root_id, channel_id, message_kind, unit_centiwon, state,
                  attempt, lease_until, worker, group_ref, n, first_person, last_person, people, sealed, outcome, watermark,
                  handed_at)
           SELECT d.campaign_id, c, 1, d.root_id, 1, 'BRAND', d.unit_centiwon, 2, 1, clock_timestamp() + interval '1 hour',
                  'bench',
                  (%(groups)s::text[])[c], %(n)s::int, (c - 1) * %(n)s::int + 1, c * %(n)s::int,
                  ARRAY(SELECT p FROM generate_series((c - 1) * %(n)s::int + 1, c * %(n)s::int) AS p),
                  decode(repeat('00', 60 * %(n)s::int), 'hex'), decode(repeat('61', %(n)s::int), 'hex'),
                  d.watermark, clock_timestamp()
             FROM dispatch d, generate_series(1, %(chunks)s) AS c WHERE d.campaign_id = %(campaign)s""",
        {"campaign": campaign, "n": CHUNK, "chunks": chunks,
         "groups": [group_of(campaign, chunk) for chunk in range(1, chunks + 1)]},
    )  # fmt: skip
    connection.execute("VACUUM ANALYZE campaign_chunk")


def requests(path: str, campaign: int, mixed: bool) -> Iterator[bytes]:
    """The reports of a campaign in calls of a thousand."""
    chance = random.Random(campaign)
    messages = [(chunk, seq) for chunk in range(1, REPORTS // CHUNK + 1) for seq in range(CHUNK)]
    if mixed:
        chance.shuffle(messages)
    else:
        for start in range(0, len(messages), GROUP):
            some = messages[start : start + GROUP]
            chance.shuffle(some)
            messages[start : start + GROUP] = some
    codes = ["4000"] * 971 + ["3104"] * 15 + ["3041"] * 14
    for start in range(0, len(messages), CALL):
        items = ",".join([
            f'{{"eventDataId":"{campaign:08}-{chunk:08}-{seq:04}-4c1b-a1b2c3d4e5f6",'
            f'"data":{{"messageId":"M4V20260302090000{chunk:09}{seq:06}",'
            f'"groupId":"{group_of(campaign, chunk)}","type":"BMS_FREE","to":"010{chunk % 10000:04}{seq:04}",'
            f'"from":null,"statusCode":"{code}",'
            f'"statusMessage":"정상","dateProcessed":"2026-03-02T00:00:05.000Z","dateReported":"2026-03-02T00:00:06.000Z",'
            f'"dateReceived":"2026-03-02T00:00:06.000Z","networkCode":null,"customFields":{{"id":"{campaign}-{chunk}-{seq}"}},'
            f'"kakaoOptions":{{"pfId":"PF_ch1000"}}}},"retryCount":0}}'
            for chunk, seq in messages[start : start + CALL]
            for code in ["1061" if seq == OPT_OUT else codes[chance.randrange(1000)]]
        ])  # fmt: skip
        body = f"[{items}]".encode()
        yield (
            f"POST {path} HTTP/1.1\r\nHost: ingest.example.org\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def one_run(url: str, path: str, generator: webhooks.Generator, *, mixed: bool = False) -> dict[str, Any]:
    """Send and fold the reports of one campaign."""
    port = webhooks.free_port()
    with psycopg.connect(url, autocommit=True) as connection:
        [(campaign,)] = connection.execute("SELECT max(campaign_id) + 1 FROM dispatch").fetchall()
        hand_over(connection, campaign)
        stored = generator.store(requests(path, campaign, mixed))
        with (
            webhooks.process("-m", "majung.ingest.server", "--port", str(port), port=port) as server,
            webhooks.process("-m", "majung.ingest.folder") as folder,
        ):
            time.sleep(1.0)
            log, begun = kit.wal_position(connection), time.perf_counter()
            of_database = webhooks.cpu_seconds(*webhooks.backends(DATABASE))
            cpu = [webhooks.cpu_seconds(server), webhooks.cpu_seconds(folder)]
            load = generator.send(port, CONNECTIONS, stored)
            webhooks.wait_until_folded(connection)
            seconds = time.perf_counter() - begun
            log = kit.wal_position(connection) - log
            spent = {
                "server": webhooks.cpu_seconds(server) - cpu[0], "folder": webhooks.cpu_seconds(folder) - cpu[1],
                "database": webhooks.cpu_seconds(*webhooks.backends(DATABASE)) - of_database,
            }  # fmt: skip
        open_left, delivered = connection.execute(
            "SELECT sum(outcome_count(outcome, 'a')), sum(outcome_count(outcome, 'd')) FROM campaign_chunk WHERE campaign_id = %s",
            [campaign],
        ).fetchall()[0]
        connection.execute("DELETE FROM campaign_chunk WHERE campaign_id = %s", [campaign])
    if load.not_200 or open_left:
        raise SystemExit(f"{load.not_200} calls were not taken, {open_left} messages are open")
    return {
        "reports_per_second": round(REPORTS / seconds), "answered_per_second": round(REPORTS / load.seconds),
        "wal_bytes_per_report": round(log / REPORTS, 2), "p50_ms": load.p50_ms, "p99_ms": load.p99_ms,
        "us_cpu_per_report": {who: round(much / REPORTS * 1e6, 2) for who, much in spent.items()},
        "delivered": delivered,
    }  # fmt: skip


def floor(path: str, generator: webhooks.Generator) -> float:
    """Reports a second of the same server and reading, answered without a database."""
    stored = generator.store(requests(path, 99_999, False))
    port = webhooks.free_port()
    with webhooks.process(str(Path(__file__).resolve()), "--parse-only", str(port), port=port):
        return REPORTS / generator.send(port, CONNECTIONS, stored).seconds


def main() -> None:
    if sys.argv[1:2] == ["--parse-only"]:
        webhooks.parse_only(int(sys.argv[2]), "put")
        return

    asked = kit.asked("bench/receipts.py", ["receipts", "wal_receipt"])
    url = kit.installation(NAME)
    generator = webhooks.Generator()
    path = build()
    runs = []
    for _ in range(asked.runs):
        runs.append(one_run(url, path, generator))
        kit.say(str(runs[-1]))
    mixed = one_run(url, path, generator, mixed=True)
    bare = floor(path, generator)
    generator.close()
    found = {
        "receipts": kit.Measured(
            name="receipts", runs=[run["reports_per_second"] for run in runs], floor=bare,
            floor_is="the same server and reading, answered without a database",
            more=runs[-1] | {"mixed_over_the_campaign": mixed["reports_per_second"]},
        ),
        "wal_receipt": kit.Measured(
            name="wal_receipt", runs=[run["wal_bytes_per_report"] for run in runs], floor=WAL_FLOOR,
            floor_is="three bytes stored and one folded", more={"mixed_over_the_campaign": mixed["wal_bytes_per_report"]},
        ),
    }  # fmt: skip
    kit.answer([found[name] for name in asked.rows])


if __name__ == "__main__":
    main()
