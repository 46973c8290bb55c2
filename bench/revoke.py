"""How long a revoked right still sends: a campaign to 200,000 people is under way when the grant under it is taken back.

    python bench/revoke.py [--runs 5] [--people 200000]

The figure is the time from the commit of the revocation to the last message under it that left (when its group was written down as
sent, which is a moment after it was). What is left then stays: the dispatch pauses with the reason. World, database and key as in
``bench/world.py``; the gateway is ``bench/gateway.py``.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "sandbox")]

from bench import gateway, kit, world  # noqa: E402
from bench.fairness import senders  # noqa: E402
from bench.kit import Measured  # noqa: E402

WATCHED_SECONDS = 4.0
UNDER_WAY = 0.2
"""The share of the chunks that have left when the grant is revoked."""


def one_run(party: Any, campaign: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Send, revoke, and look when the last message left."""
    from majung.core import clock
    from majung.core.db import raw
    from majung.delivery import planner
    from majung.tree.services import grants
    from tests.make import delivery as make
    from tests.make import tree as make_tree

    holder = make_tree.user(email=f"revoke{time.time_ns()}@example.com")
    grant = make_tree.grant(holder, party.top, parent=party.made.owner_grant)
    template = make.template(party, text=world.TEXT)
    order = make.order(party, campaign=campaign, at=clock.now(), template=template, grant_id=grant.pk)
    frozen = planner.freeze(raw(), order)
    with senders(asked.senders, asked.slots):
        raw().execute("UPDATE dispatch SET state = 'sending' WHERE campaign_id = %s", [campaign])
        while _left(campaign) < UNDER_WAY * frozen.chunks:
            time.sleep(0.005)
        pressed = clock.now()
        grants.revoke_all(party.made.actor, [grant.pk], why="bench")
        time.sleep(WATCHED_SECONDS)
        rows = raw().execute(
            "SELECT max(handed_at), (SELECT state || ' ' || pause_reason FROM dispatch WHERE campaign_id = %(campaign)s)"
            "  FROM campaign_chunk WHERE campaign_id = %(campaign)s",
            {"campaign": campaign},
        )
        [(last, state)] = rows.fetchall()
    left = _left(campaign)
    return {
        "seconds": round(max((last - pressed).total_seconds(), 0.0), 3), "chunks": frozen.chunks, "left": left,
        "stayed": frozen.chunks - left, "state": state,
    }  # fmt: skip


def _left(campaign: int) -> int:
    from majung.core.db import raw

    rows = raw().execute(
        "SELECT count(*) FROM campaign_chunk WHERE campaign_id = %s AND handed_at IS NOT NULL", [campaign]
    )
    return int(rows.fetchall()[0][0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", default=["revoke"], help="as majung bench asks")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--senders", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--slots", type=int, default=3)
    asked = parser.parse_args()
    url = kit.installation("revoke")
    runs = []
    for campaign in range(1, asked.runs + 1):
        with gateway.running(key=world.KEY, report_delay_seconds=0.2) as dealer:
            party = world.build(asked.people, dealer.url)
            world.forget(url)
            runs.append(one_run(party, campaign, asked))
        print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    measured = Measured(name="revoke", runs=[run["seconds"] for run in runs], floor=None, floor_is="", more=runs[-1])
    kit.answer([measured])


if __name__ == "__main__":
    main()
