"""How many of Kakao's channel events a second are taken and folded, one event a request, durable before each 200.

    python bench/friend_webhooks.py [--runs 5] [friend_webhooks]

Load generator (256 connections), inlet, folder and PostgreSQL share the machine. A run ends when the inbox is empty: only
events whose friendship, person, refusal and activity stand in the database count. Half of the ids were heard before, one
event in five is a block, over 100 channels of one app. Floor: the same server and the same reading, answered without a
database.
"""

import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from bench import kit, webhooks  # noqa: E402  the path is set above

EVENTS, CONNECTIONS = 150_000, 256
KNOWN = 200_000
CHANNELS = 100
KEY = "bench-admin-key"
NAME = "webhooks"
DATABASE = f"majung_bench_{NAME}"


def build() -> tuple[str, int]:
    """A party with its channels on one app, made once; its path and the number of events already sent."""
    from django.db import transaction

    from majung.channels.models import Channel, KakaoApp
    from majung.core.db import raw
    from tests.make import channels as make
    from tests.make import tree

    if not KakaoApp.objects.exists():
        with transaction.atomic():
            made = tree.organisation(depth=2, width=CHANNELS - 1)
            app = make.kakao_app(unit=made.top, admin_key=KEY)
            for number, unit in enumerate(made.units[:CHANNELS]):
                make.channel(unit=unit, number=number, app=app)
    assert Channel.objects.count() == CHANNELS
    app = KakaoApp.objects.get()
    raw().execute("DELETE FROM inbox")
    [(sent,)] = raw().execute("SELECT count(*) FROM external_identity").fetchall()
    return f"/k/{app.path_token}", sent


def requests(path: str, ids: list[int], at: datetime, seed: int) -> list[bytes]:
    """Events as Kakao sends them (kakao.md §1.5)."""
    chance = random.Random(seed)
    made = []
    for place, number in enumerate(ids):
        # Every channel has its size: the first of a hundred has about a fifth of all friends.
        channel = min(int(chance.paretovariate(0.35)) - 1, CHANNELS - 1)
        event = "blocked" if chance.random() < 0.2 else "added"
        moment = (at + timedelta(seconds=place // 1000)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = (
            f'{{"event":"{event}","id":"{1_000_000_000 + number}","id_type":"app_user_id","channel_public_id":"_ch{channel}",'
            f'"channel_uuid":"@ch{channel}","updated_at":"{moment}"}}'
        )
        made.append(
            f"POST {path} HTTP/1.1\r\nHost: ingest.example.org\r\nAuthorization: KakaoAK {KEY}\r\nX-Kakao-Resource-ID: "
            f"{seed:08}-{place:012}\r\nUser-Agent: KakaoOpenAPI/1.0\r\nContent-Type: application/json;charset=UTF-8\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
    return made


def stands(url: str) -> tuple[int, int]:
    """How many ids were heard, and the first hour of which nothing was."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        [(ids,)] = connection.execute("SELECT count(*) FROM external_identity").fetchall()
        [(hour,)] = connection.execute(
            "SELECT (max(extract(epoch FROM seen_at - '2026-01-01')) / 3600)::int + 1 FROM friendship"
        ).fetchall()
    return ids, hour


def one_run(
    url: str, path: str, first: int, seed: int, generator: webhooks.Generator, events: int = EVENTS
) -> dict[str, Any]:
    """Send and fold ``events`` events; ids below ``first`` were heard before."""
    chance = random.Random(seed)
    new = iter(range(first, first + events))
    ids = [chance.randrange(first) if first and chance.random() < 0.5 else next(new) for _ in range(events)]
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=seed)
    stored = generator.store(requests(path, ids, at, seed))
    port = webhooks.free_port()
    with (
        webhooks.process("-m", "majung.ingest.server", "--port", str(port), port=port) as server,
        webhooks.process("-m", "majung.ingest.folder") as folder,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        time.sleep(1.0)
        log, begun = kit.wal_position(connection), time.perf_counter()
        of_database = webhooks.cpu_seconds(*webhooks.backends(DATABASE))
        cpu = [webhooks.cpu_seconds(server), webhooks.cpu_seconds(folder)]
        load = generator.send(port, CONNECTIONS, stored)
        webhooks.wait_until_folded(connection)
        seconds = time.perf_counter() - begun
        spent = {
            "server": webhooks.cpu_seconds(server) - cpu[0], "folder": webhooks.cpu_seconds(folder) - cpu[1],
            "database": webhooks.cpu_seconds(*webhooks.backends(DATABASE)) - of_database,
        }  # fmt: skip
        log = kit.wal_position(connection) - log
        [(activities,)] = connection.execute(
            "SELECT count(*) FROM activity WHERE at >= %s AND at < %s", [at, at + timedelta(hours=1)]
        ).fetchall()
    if load.not_200:
        raise SystemExit(f"{load.not_200} events were not taken")
    return {
        "events_per_second": round(events / seconds), "answered_per_second": round(events / load.seconds),
        "p50_ms": load.p50_ms, "p99_ms": load.p99_ms, "wal_bytes_per_event": round(log / events),
        "us_cpu_per_event": {who: round(much / events * 1e6, 1) for who, much in spent.items()},
        "activities": activities,
    }  # fmt: skip


def floor(path: str, generator: webhooks.Generator) -> float:
    """Events a second of the same server and reading, answered without a database."""
    stored = generator.store(requests(path, list(range(EVENTS)), datetime(2026, 1, 1, tzinfo=UTC), 0))
    port = webhooks.free_port()
    with webhooks.process(str(Path(__file__).resolve()), "--parse-only", str(port), port=port):
        return EVENTS / generator.send(port, CONNECTIONS, stored).seconds


def main() -> None:
    if sys.argv[1:2] == ["--parse-only"]:
        webhooks.parse_only(int(sys.argv[2]), "put_friend")
        return

    asked = kit.asked("bench/friend_webhooks.py", ["friend_webhooks"])
    url = kit.installation(NAME)
    generator = webhooks.Generator()
    path, sent = build()
    if sent < KNOWN:
        kit.say(f"filling: {one_run(url, path, 0, 0, generator, KNOWN)}")
    runs = []
    for _ in range(asked.runs):
        runs.append(one_run(url, path, *stands(url), generator))
        kit.say(str(runs[-1]))
    bare = floor(path, generator)
    generator.close()
    kit.answer([
        kit.Measured(
            name="friend_webhooks", runs=[run["events_per_second"] for run in runs], floor=bare,
            floor_is="the same server and reading, answered without a database", more=runs[-1],
        )
    ])  # fmt: skip


if __name__ == "__main__":
    main()
