"""One message a request, from the freeze to the last result, on the gateway of raw sockets: row single.

    ./majung bench single

As e2e (``bench/e2e.py``: every rule on, nobody's friendship known, senders of their own, the clock from before the freeze
to the last settling), with 500,000 people and an account that is told of one person a request. Every run ends by comparing the
ledger's books with the gateway's: as many requests as messages, nobody twice, nobody lost.

Floor: requests of the same bytes, signed before, sent over as many connections by a bare loop over sockets, by as many
processes as there are senders: no list, no ledger, no rules, no results, no answer read.
"""

import json
import os
import socket
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from bench import e2e, gateway, kit, world  # noqa: E402  the path above is where it is found
from bench.kit import Measured  # noqa: E402

PEOPLE = 500_000
FLOOR_MESSAGES = 100_000
OWN = ("single",)


def _bare(url: str, chunks: int) -> None:
    """A part of the floor: a thousand signed requests at a time, over the adapter's number of connections, round after round."""
    from majung.channels.adapters.solapi import SolapiSingle
    from majung.channels.adapters.terms import Account, Batch, Kind, Message
    from majung.channels.stream import Stream
    from majung.core import clock

    made = SolapiSingle(Account(base_url=url, key=world.KEY, secret=world.SECRET))
    host, port = url.removeprefix("http://").split(":")
    lines = [socket.create_connection((host, int(port))) for _ in range(made.in_flight)]
    for line in lines:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    batch = Batch(
        kind=Kind.BRAND, message=Message(text=world.TEXT), campaign=1_000_000 + os.getpid(), chunk=1,
        recipients=[b"010%08d" % seq for seq in range(1000)], columns={"이름": ["가온".encode()] * 1000},
        constants={"조직": "한빛시당", "전화": "02-000-0000"}, pf_id="PF1",
    )  # fmt: skip
    proofs = made.proofs(clock.now(), [b"%012d%04d" % (os.getpid(), seq) for seq in range(1000)])
    requests = Stream(url, 1).requests(made.send_request(), proofs, made.encode_each(batch))
    for _ in range(chunks):
        for at in range(0, 1000, len(lines)):
            busy = list(zip(lines, requests[at : at + len(lines)], strict=False))
            for line, request in busy:
                line.send(request)
            for line, _ in busy:
                line.recv(16 * 1024)


def floor(made: gateway.Gateway) -> float:
    """Messages a second of sending alone."""
    began = time.perf_counter()
    with ProcessPoolExecutor(e2e.SENDERS) as pool:
        list(pool.map(_bare, [made.url] * e2e.SENDERS, [FLOOR_MESSAGES // 1000 // e2e.SENDERS] * e2e.SENDERS))
    return FLOOR_MESSAGES / (time.perf_counter() - began)


def main() -> None:
    """Measure the row."""
    asked = kit.asked("single.py", OWN)
    url = kit.installation("single")
    from majung.channels.adapters.solapi import SolapiSingle
    from majung.channels.models import DealerAccount
    from majung.core.db import raw
    from majung.people import pages, vault

    runs = []
    with gateway.running(report_delay_seconds=0.0, key=world.KEY) as made:
        made.control("settings", {"not_friend_share": e2e.NOT_FRIENDS, "refused_share": 0.0})
        party = world.build(PEOPLE, made.url)
        DealerAccount.objects.filter(pk=party.account.pk).update(adapter=SolapiSingle.code)
        pages.freshen(raw(), vault.sealer(), party.root_id)
        raw().execute("VACUUM ANALYZE")
        for campaign in range(1, asked.runs + 1):
            world.forget(url)
            made.forget()
            runs.append(e2e.one_run(party, campaign, made))
            seen = made.books(campaign)
            if seen["requests"] != seen["messages"]:
                raise SystemExit(f"more than one message in a request: {seen}")
            kit.say(json.dumps({name: round(value, 2) for name, value in runs[-1].items()}))
        made.forget()
        least = floor(made)
    more = {
        "people": PEOPLE, "senders": e2e.SENDERS, "in_flight": SolapiSingle.in_flight, "not_friends": e2e.NOT_FRIENDS,
        "messages": runs[-1]["messages"], "plan_seconds": [round(run["plan_seconds"], 2) for run in runs],
        "peak_mb": max(run["peak_mb"] for run in runs),
    }  # fmt: skip
    rates = [run["messages"] / run["seconds"] for run in runs]
    kit.answer(
        [Measured(name="single", runs=rates, floor=least, floor_is="the same requests sent, signed before", more=more)]
    )


if __name__ == "__main__":
    main()
