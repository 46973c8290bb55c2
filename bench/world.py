"""How fast one campaign leaves: plan seconds, send seconds and messages a second, beside a floor and a calibration.

    python bench/delivery.py --people 1000000 --runs 3

Makes a database of its own (``majung_bench``) on the server of ``DATABASE_URL``, fills it with invented people over 272
units with a channel each, starts the sandbox and the dispatcher's processes, and sends ``--runs`` party notices to
everybody. Every rule is on; nobody's friendship is known at the start of a run. Plan = ``planner.freeze``, committed.
Send = first claim to last settled. Floor = the same bodies rendered and posted over loopback to a sink that only counts.
"""

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "sandbox")]
DATABASE = "majung_bench"
KEY, SECRET = "BENCHKEY", "BENCH-SECRET"
TEXT = (
    "#{이름} 님, #{조직}에서 알립니다. 이번 달 당원 모임은 넷째 주 토요일 오후 두 시에 구민회관에서 엽니다. "
    "지난 모임에서 나눈 이야기의 결과와 다음 분기 계획을 함께 살펴봅니다. "
    "오시는 길과 준비물은 아래 단추에서 보실 수 있고, 궁금한 점은 #{전화}로 물어봐 주세요."
)
"""About the length of perf.md's test message: 137 letters, three variables."""


def prepare() -> str:
    """The environment of a bench installation: its own database, ten in the morning in Seoul. Returns the database's URL."""
    given = os.environ["DATABASE_URL"]
    with psycopg.connect(given, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")
    parts = urlsplit(given)
    url = urlunsplit(parts._replace(path=f"/{DATABASE}"))
    seoul = datetime.fromtimestamp(time.time(), UTC) + timedelta(hours=9)
    ten = seoul.replace(hour=10, minute=0, second=0, microsecond=0)
    os.environ |= {
        "PYTHONPATH": "src:sandbox", "DATABASE_URL": url, "MAJUNG_DISPATCH_URL": url,
        "MAJUNG_CLOCK": str((ten - seoul).total_seconds()), "DJANGO_SETTINGS_MODULE": "majung.settings",
    }  # fmt: skip
    return url


def build(people: int, base_url: str) -> Any:
    """The party of this many people: made once, kept for the next call."""
    from django.db import transaction

    from majung.channels.models import DealerAccount
    from majung.core import clock
    from majung.core.db import raw
    from majung.people import bulk
    from majung.people.enums import Basis, MemberState
    from majung.people.vault import sealer
    from majung.tree.models import LegalEntity, Organisation, Unit
    from tests.make import channels as make_channels
    from tests.make import delivery as make
    from tests.make import tree as make_tree

    name = f"벤치당 {people}"
    if not Organisation.objects.filter(name=name).exists():
        with transaction.atomic():
            made = make_tree.organisation(name=name, owner=make_tree.user(email=f"bench{people}@example.com"))
            for number in range(17):
                province = make_tree.unit(made.top, root=made.root, kind=made.kinds[0], entity=made.entity)
                for _ in range(15 if number < 16 else 14):
                    make_tree.unit(province, root=made.root, kind=made.kinds[0], entity=made.entity)
            account = make_channels.account(unit=made.top, key=KEY, secret=SECRET, base_url=base_url)
            units = list(Unit.objects.filter(root=made.root).order_by("path"))
            for number, unit in enumerate(units, start=1):
                channel = make_channels.channel(unit=unit, number=made.root.pk * 1000 + number)
                make_channels.profile(account=account, channel=channel)
        districts = [unit for unit in units if unit.depth == 3]
        for start in range(0, people, 50_000):
            rows = [
                bulk.NewPerson(
                    entity_id=made.entity.pk, name=f"가온{i % 1000:03}", mobile=f"010{i:08}", birth_ym=198001,
                    home_unit_id=districts[i * 7919 % len(districts)].pk, basis=Basis.CONSENT, member=MemberState.MEMBER,
                )
                for i in range(start, min(start + 50_000, people))
            ]  # fmt: skip
            bulk.add(raw(), sealer(), made.root.pk, rows, clock.now())
        raw().execute("ANALYZE")
    root = Organisation.objects.get(name=name)
    units = list(Unit.objects.filter(root=root).order_by("path"))
    account = DealerAccount.objects.get(root=root)
    DealerAccount.objects.filter(pk=account.pk).update(base_url=base_url)
    from majung.accounts.models import User
    from majung.channels.models import Channel
    from majung.tree.models import Grant

    grant = Grant.objects.get(root=root, parent=None)
    organised = make_tree.Organised(
        root=root, entity=LegalEntity.objects.get(root=root), kinds=[], units=units, owner=User.objects.get(pk=grant.user_id),
        owner_grant=grant,
    )  # fmt: skip
    return make.Party(
        made=organised, account=account, channels={c.unit_id: c for c in Channel.objects.filter(root=root)}
    )


def control(base_url: str, path: str, body: Any = None) -> Any:
    """Ask the sandbox's control API."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{base_url}{path}", data=data), timeout=60) as answer:
        return json.loads(answer.read())


def sandbox(port: int, party_of: Any = None) -> subprocess.Popen[bytes]:
    """A sandbox process that answers."""
    command = [sys.executable, "-m", "majung_sandbox", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    for _ in range(200):
        try:
            control(f"http://127.0.0.1:{port}", "/_control/health")
            return process
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the sandbox did not start")


def register(base_url: str, party: Any) -> None:
    """Tell the sandbox the account and the channels."""
    control(base_url, "/_control/accounts", {"apiKey": KEY, "apiSecret": SECRET, "balance": 10**9, "any_sender": True})
    channels = [
        {"pfId": f"PF{c.profile_id}", "profileId": c.profile_id, "searchId": c.search_id, "name": c.name,
         "reach": "near" if unit.depth == 3 else "wide"}
        for unit in party.made.units for c in [party.channels[unit.pk]]
    ]  # fmt: skip
    control(base_url, "/_control/channels", channels)


def forget(url: str) -> None:
    """What earlier runs observed is gone, so that every run starts alike."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE campaign_chunk, campaign_left_out, chunk_exception, cost_entry, dispatch")
        connection.execute("TRUNCATE reached_open, reached_day, dispatch_turn, pace, week_hold")
        connection.execute("TRUNCATE friendship, crowd_change, refusal, refusal_entry, activity_duty")


def one_run(party: Any, campaign: int, base_url: str, senders: int, slots: int, sandbox_pid: int) -> dict[str, Any]:
    """Plan and send one campaign."""
    from majung.core import clock
    from majung.core.db import raw
    from majung.delivery import planner
    from majung.delivery.books import books
    from tests.make import delivery as make

    command = [sys.executable, "-m", "majung.delivery.worker", "--slots", str(slots)]
    workers = [
        subprocess.Popen(command, cwd=ROOT, env=os.environ | {"MAJUNG_LOG_LEVEL": "WARNING"}) for _ in range(senders)
    ]
    try:
        order = make.order(party, campaign=campaign, at=clock.now(), template=make.template(party, text=TEXT))
        database_before = _cpu_seconds(*_backends())
        started, cpu = time.perf_counter(), time.process_time()
        frozen = planner.freeze(raw(), order)
        plan_seconds, plan_cpu = time.perf_counter() - started, time.process_time() - cpu
        plan_database = _cpu_seconds(*_backends()) - database_before
        raw().execute("UPDATE dispatch SET state = 'sending' WHERE campaign_id = %s", [campaign])
        while True:
            time.sleep(0.25)
            found = (
                raw()
                .execute(
                    "SELECT finished_at IS NOT NULL, extract(epoch FROM last_settled_at - first_claim_at)::float8, problem"
                    " FROM dispatch WHERE campaign_id = %s",
                    [campaign],
                )
                .fetchone()
            )
            if found and found[0]:
                break
            if found and found[2]:
                print("problem:", found[2], file=sys.stderr)
            if any(worker.poll() is not None for worker in workers):
                raise SystemExit("a worker died")
        cpu_seconds = {
            "plan": round(plan_cpu, 2), "plan_database": round(plan_database, 2),
            "workers": round(_cpu_seconds(*(worker.pid for worker in workers)), 2),
            "database": round(_cpu_seconds(*_backends()) - database_before - plan_database, 2),
            "sandbox": round(_cpu_seconds(sandbox_pid), 2),
        }  # fmt: skip
        rss = max(_peak_mb(worker.pid) for worker in workers)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(20)
    told, seen = books(raw(), campaign), control(base_url, f"/_control/books?campaign={campaign}")
    messages = seen["gateway_saw"]
    return {
        "people": frozen.audience, "planned": frozen.planned, "channels": frozen.channels, "chunks": frozen.chunks,
        "plan_seconds": round(plan_seconds, 2), "send_seconds": round(found[1], 2), "messages": messages,
        "messages_per_second": round(messages / found[1]), "people_per_second": round(frozen.planned / found[1]),
        "gateway_seconds": round(seen["gateway_seconds"], 2), "balanced": told.is_balanced,
        "double": seen["ids_taken_more_than_once"] + seen["numbers_delivered_more_than_once"],
        "agree": told.delivered == seen["delivered"], "waves": told.later_waves, "peak_worker_rss_mb": rss,
        "cpu_seconds": cpu_seconds,
    }  # fmt: skip


def _cpu_seconds(*pids: int) -> float:
    ticks = os.sysconf("SC_CLK_TCK")
    spent = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        spent += int(fields[11]) + int(fields[12])
    return spent / ticks


def _backends() -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if f" {DATABASE} ".encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def _peak_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def calibrate(n: int = 200_000) -> float:
    """Microseconds a message of the bytes-render loop (perf.md section c: 0.27)."""
    pattern = b'{"to":"%b","text":"' + "가".encode() * 80 + b' %b %b"}'
    rows = [(b"01000000000", b"name", b"unit")] * n
    started = time.perf_counter()
    b",".join([pattern % row for row in rows])
    return (time.perf_counter() - started) / n * 1e6


def floor(party: Any, people: int) -> float:
    """Messages a second of rendering the same bodies and posting them to a sink that counts bytes."""
    from majung.channels.adapters.solapi import Solapi
    from majung.channels.adapters.terms import Account, Batch
    from tests.make import delivery as make

    template = make.template(party, text=TEXT)
    local = template.locals[0]
    adapter = Solapi(Account(base_url="http://127.0.0.1", key=KEY, secret=SECRET))
    numbers = [b"01012345678"] * 1000
    names = ["가온".encode()] * 1000
    sink = subprocess.Popen([sys.executable, "-c", _SINK], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert sink.stdout is not None
    port = int(sink.stdout.readline())
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as line:
        for chunk in range(people // 1000):
            batch = Batch(
                kind=template.kind, message=template.message, campaign=1, chunk=chunk, recipients=numbers,
                columns={"이름": names}, constants=template.constants(local.channel_id), pf_id=local.pf_id,
            )  # fmt: skip
            body = adapter.encode(batch)
            line.sendall(b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            line.recv(64)
    seconds = time.perf_counter() - started
    sink.terminate()
    sink.wait(10)
    return people / seconds


_SINK = """
import socket
server = socket.create_server(("127.0.0.1", 0)); print(server.getsockname()[1], flush=True)
line, _ = server.accept(); buffer = bytearray(1 << 20); held = b""
while True:
    while b"\\r\\n\\r\\n" not in held:
        more = line.recv(65536)
        if not more: raise SystemExit
        held += more
    head, _, rest = held.partition(b"\\r\\n\\r\\n")
    left = int(head.rsplit(b": ", 1)[1]) - len(rest)
    while left > 0: left -= line.recv_into(buffer, min(left, len(buffer)))
    held = b""; line.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--senders", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--port", type=int, default=8791)
    asked = parser.parse_args()
    url = prepare()
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    base_url = f"http://127.0.0.1:{asked.port}"
    party = build(asked.people, base_url)
    runs = []
    for campaign in range(1, asked.runs + 1):
        forget(url)
        process = sandbox(asked.port)
        try:
            register(base_url, party)
            runs.append(one_run(party, campaign, base_url, asked.senders, asked.slots, process.pid))
        finally:
            process.terminate()
            process.wait(20)
        print(json.dumps(runs[-1]), flush=True)
    middle = {
        name: statistics.median(run[name] for run in runs)
        for name in ("plan_seconds", "send_seconds", "messages_per_second", "people_per_second", "peak_worker_rss_mb")
    }
    middle |= {
        "floor_messages_per_second": round(floor(party, min(asked.people, 300_000))),
        "calibration_us_per_message": round(calibrate(), 3),
        "bench_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps({"median": middle, "runs": len(runs)}))


if __name__ == "__main__":
    main()
