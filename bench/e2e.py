"""What a campaign costs from the freeze to the last result, on the gateway of raw sockets: rows e2e, freeze, memory and log.

    ./majung bench e2e_1m freeze_1m worker_rss wal_send

A party of 272 units with a channel each and a million members (made once, kept while its database is kept) gets a notice
with the person's name. Every rule is on, nobody's friendship is known. The clock runs from before ``planner.freeze`` to
the last settling; the senders are processes of their own. Of the people two in a thousand are no friends of the channel
and go on to the next one, so that later waves, observations and the asking for failures are part of it.

Floor of e2e: the same bodies rendered by the same adapter and posted to the same gateway, one request of 1,000 after the
other, by as many processes as there are senders: no list, no ledger, no rules, no results. Beside e2e_1m stands one run with
the real sandbox in the gateway's place, which refuses and delays as it always does.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from bench import gateway, kit, world  # noqa: E402  the path above is where it is found
from bench.kit import Measured  # noqa: E402

MILLION = 1_000_000
NOT_FRIENDS = 0.002
SENDERS = os.cpu_count() or 1
IDLE_SECONDS = 2.0
OF_A_MILLION = ("e2e_1m", "freeze_1m", "worker_rss", "wal_send")
OWN = (*OF_A_MILLION, "e2e_10m")


def one_run(party: Any, campaign: int, made: gateway.Gateway) -> dict[str, Any]:
    """Freeze and send one campaign; what it took. Raises SystemExit when a person was lost, doubled or not accounted for."""
    from majung.core import clock
    from majung.core.db import raw
    from majung.delivery import planner
    from majung.delivery.books import books
    from tests.make import delivery as make

    order = make.order(party, campaign=campaign, at=clock.now(), template=make.template(party, text=world.TEXT))
    planner.estimate(raw(), order, lms_centiwon=1)  # as whoever confirms a campaign has just done
    state = _STATE % {"shift": -clock.offset_seconds()}
    command = [sys.executable, "-m", "majung.delivery.worker"]
    quiet = os.environ | {"MAJUNG_LOG_LEVEL": "WARNING"}
    workers = [subprocess.Popen(command, cwd=kit.ROOT, env=quiet) for _ in range(SENDERS)]
    try:
        time.sleep(IDLE_SECONDS)
        idle = max(_peak_mb(worker.pid) for worker in workers)
        before = kit.wal_position(raw())
        began = time.perf_counter()
        frozen = planner.freeze(raw(), order)
        plan_seconds = time.perf_counter() - began
        raw().execute("UPDATE dispatch SET state = 'sending' WHERE campaign_id = %s", [campaign])
        since = time.perf_counter()
        while True:
            time.sleep(0.02)
            found = raw().execute(state, [campaign]).fetchone()
            if found and found[0] is not None:
                break
            if any(worker.poll() is not None for worker in workers):
                raise SystemExit("a worker died")
        waited = time.perf_counter() - since
        peak = max(_peak_mb(worker.pid) for worker in workers)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(20)
    assert found is not None
    seen, told = made.books(campaign), books(raw(), campaign)
    if not told.is_balanced or told.delivered != seen["delivered"] or seen["ids_taken_more_than_once"]:
        raise SystemExit(f"the books do not agree: {told} against {seen}")
    if seen["numbers_delivered_more_than_once"] or told.delivered + told.refused != frozen.planned:
        raise SystemExit(f"somebody was lost or got it twice: {told} against {seen}")
    # The last settling is the database's instant; seen from here it is what was waited, less what came after it.
    seconds = plan_seconds + waited - found[1]
    return {
        "messages": seen["gateway_saw"], "seconds": seconds, "plan_seconds": plan_seconds, "idle_mb": idle, "peak_mb": peak,
        "wal": (kit.wal_position(raw()) - before) / frozen.planned,
    }  # fmt: skip


_STATE = """SELECT finished_at, extract(epoch FROM clock_timestamp() - %(shift)s * interval '1 second' - last_settled_at)::float8
  FROM dispatch WHERE campaign_id = %%s"""


def _peak_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def _post(url: str, chunks: int) -> None:
    """A part of the floor: bodies rendered and posted."""
    from majung.channels.adapters.solapi import Solapi
    from majung.channels.adapters.terms import Account, Batch, Kind, Message
    from majung.channels.line import Line

    adapter = Solapi(Account(base_url=url, key=world.KEY, secret=world.SECRET))
    line = Line(adapter)
    group = adapter.decode_created(line.call(adapter.create_group_request()))
    for chunk in range(chunks):
        numbers = [b"010%08d" % (os.getpid() % 50 * 1_000_000 + chunk * 1000 + seq) for seq in range(1000)]
        batch = Batch(
            kind=Kind.BRAND, message=Message(text=world.TEXT), campaign=1_000_000 + os.getpid(), chunk=chunk + 1,
            recipients=numbers, columns={"이름": ["가온".encode()] * 1000},
            constants={"조직": "한빛시당", "전화": "02-000-0000"}, pf_id="PF1",
        )  # fmt: skip
        line.call(adapter.add_messages_request(group, adapter.encode(batch)))
    line.close()


def floor(made: gateway.Gateway, messages: int) -> float:
    """Messages a second of rendering and posting alone."""
    began = time.perf_counter()
    with ProcessPoolExecutor(SENDERS) as pool:
        list(pool.map(_post, [made.url] * SENDERS, [messages // 1000 // SENDERS] * SENDERS))
    return messages / (time.perf_counter() - began)


def with_the_sandbox(url: str, people: int, campaign: int) -> float:
    """Messages a second of one run with the real sandbox in the gateway's place."""
    with world.sandbox() as made:
        party = world.build(people, made.url)
        world.register(made, party)
        world.forget(url)
        run = one_run(party, campaign, made)
    kit.say(json.dumps({"sandbox": run["messages"] / run["seconds"]}))
    return float(run["messages"] / run["seconds"])


def measure(url: str, people: int, times: int) -> tuple[list[dict[str, Any]], float, dict[str, Any]]:
    """Runs with a party of this many people, the floor beside them, and what is worth knowing."""
    from majung.core.db import raw
    from majung.people import pages, vault

    with gateway.running(report_delay_seconds=0.0, key=world.KEY) as made:
        made.control("settings", {"not_friend_share": NOT_FRIENDS, "refused_share": 0.0})
        party = world.build(people, made.url)
        pages.freshen(raw(), vault.sealer(), party.root_id)
        raw().execute("VACUUM ANALYZE")
        runs = []
        for campaign in range(1, times + 1):
            world.forget(url)
            made.forget()
            runs.append(one_run(party, campaign, made))
            kit.say(json.dumps({name: round(value, 2) for name, value in runs[-1].items()}))
        made.forget()
        least = floor(made, 200_000)
    more = {"people": people, "senders": SENDERS, "not_friends": NOT_FRIENDS, "messages": runs[-1]["messages"]}
    return runs, least, more | {"plan_seconds": [round(run["plan_seconds"], 2) for run in runs]}


def end_to_end(
    name: str, runs: list[dict[str, Any]], least: float, more: dict[str, Any], sandbox: float | None = None
) -> Measured:
    """Messages a second from the freeze to the last result."""
    rates = [run["messages"] / run["seconds"] for run in runs]
    floor_is = "the same bodies rendered and posted"
    return Measured(name=name, runs=rates, floor=least, floor_is=floor_is, sandbox=sandbox, more=more)


def main() -> None:
    """Measure the rows that are asked for."""
    asked = kit.asked("e2e.py", OWN)
    url = kit.installation("e2e")
    found: list[Measured] = []
    if wanted := [name for name in asked.rows if name in OF_A_MILLION]:
        runs, least, more = measure(url, MILLION, asked.runs)
        idle, peak = ([run[name] for run in runs] for name in ("idle_mb", "peak_mb"))
        sandbox = with_the_sandbox(url, MILLION, asked.runs + 1) if "e2e_1m" in wanted else None
        every = [
            end_to_end("e2e_1m", runs, least, more, sandbox),
            Measured(
                name="freeze_1m", runs=[run["plan_seconds"] for run in runs], floor=None, floor_is="", more=more
            ),
            Measured(
                name="worker_rss", runs=[most - least for most, least in zip(peak, idle, strict=True)], floor=0,
                floor_is="the idle worker", also=max(peak), more=more,
            ),
            Measured(
                name="wal_send", runs=[run["wal"] for run in runs], floor=8.0, floor_is="a person's number and outcome",
                more=more,
            ),
        ]  # fmt: skip
        found += [one for one in every if one.name in wanted]
    if "e2e_10m" in asked.rows:
        found.append(end_to_end("e2e_10m", *measure(url, 10 * MILLION, asked.runs)))
    kit.answer(found)


if __name__ == "__main__":
    main()
