"""How long small units wait beside a big one: one with 500,000 people and 299 with 50 start at the same moment.

    python bench/fairness.py [--runs 3] [--big 500000] [--small 50] [--units 300]

Every unit sends a party notice of its own to its own people, through its own channel and the one account of the party. All lists
are frozen beforehand; then all dispatches start in one statement. The figure is the time until the last small unit's last message
has its outcome written down; the big one goes on meanwhile (``big_share`` is how much of it had left by then, ``big_alone`` how
fast it goes by itself afterwards). Database and key as in ``bench/world.py``; the gateway is ``bench/gateway.py``.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "sandbox")]

from bench import gateway, kit, world  # noqa: E402
from bench.kit import Measured  # noqa: E402

NAME = "공평당"


def build(units: int, big: int, small: int, base_url: str) -> Any:
    """The party: a top and so many units below it, each with a channel and its people. Made once, kept for the next call."""
    from django.db import transaction

    from majung.accounts.models import User
    from majung.channels.models import Channel, DealerAccount
    from majung.core import clock
    from majung.core.db import raw
    from majung.people import bulk
    from majung.people.enums import Basis, MemberState
    from majung.people.vault import sealer
    from majung.tree.models import Grant, LegalEntity, Organisation, Unit
    from tests.make import channels as make_channels
    from tests.make import delivery as make
    from tests.make import tree as make_tree

    name = f"{NAME} {units} {big} {small}"
    if not Organisation.objects.filter(name=name).exists():
        with transaction.atomic():
            made = make_tree.organisation(name=name, owner=make_tree.user(email=f"{units}-{big}-{small}@example.com"))
            account = make_channels.account(unit=made.top, key=world.KEY, secret=world.SECRET, base_url=base_url)
            below = [
                make_tree.unit(made.top, root=made.root, kind=made.kinds[0], entity=made.entity) for _ in range(units)
            ]
            for number, unit in enumerate(below, start=1):
                channel = make_channels.channel(unit=unit, number=made.root.pk * 1000 + number)
                make_channels.profile(account=account, channel=channel)
        homes = [below[0].pk] * big + [unit.pk for unit in below[1:] for _ in range(small)]
        for start in range(0, len(homes), 50_000):
            rows = [
                bulk.NewPerson(
                    entity_id=made.entity.pk, name=f"가온{i % 1000:03}", mobile=kit.mobile(i), birth_ym=198001,
                    home_unit_id=homes[i], basis=Basis.CONSENT, member=MemberState.MEMBER,
                )
                for i in range(start, min(start + 50_000, len(homes)))
            ]  # fmt: skip
            bulk.add(raw(), sealer(), made.root.pk, rows, clock.now())
        raw().execute("ANALYZE")
    root = Organisation.objects.get(name=name)
    kit.has_sentinel(root.pk)
    DealerAccount.objects.filter(root=root).update(base_url=base_url)
    grant = Grant.objects.get(root=root, parent=None)
    organised = make_tree.Organised(
        root=root, entity=LegalEntity.objects.get(root=root), kinds=[], units=list(Unit.objects.filter(root=root).order_by("path")),
        owner=User.objects.get(pk=grant.user_id), owner_grant=grant,
    )  # fmt: skip
    channels = {channel.unit_id: channel for channel in Channel.objects.filter(root=root)}
    return make.Party(made=organised, account=DealerAccount.objects.get(root=root), channels=channels)


def freeze(party: Any) -> None:
    """A frozen campaign for each unit with a channel; number 1 is the big one's."""
    from majung.core import clock
    from majung.core.db import raw
    from majung.delivery import planner
    from tests.make import delivery as make

    stops = {stop.unit_id: stop for stop in make.stops(party)}
    template = make.template(party, text=world.TEXT)
    units = [unit for unit in party.made.units if unit.pk in party.channels]
    for number, unit in enumerate(units, start=1):
        order = make.order(
            party, campaign=number, scope=unit, at=clock.now(), stops=(stops[unit.pk],),
            template=replace(template, locals=tuple(one for one in template.locals if one.channel_id == stops[unit.pk].channel_id)),
        )  # fmt: skip
        occasion = replace(order.occasion, unit_id=unit.pk, unit_path=unit.path)
        if number == 1:  # as by the check before sending: it stores the base sets that lists are frozen from
            planner.estimate(raw(), order, lms_centiwon=0)
        planner.freeze(raw(), replace(order, occasion=occasion))


FROZEN = ("dispatch", "dispatch_turn", "campaign_chunk", "week_hold")


def keep() -> None:
    """The frozen lists are put aside, so that every run starts from the same ones."""
    from majung.core.db import raw

    for table in FROZEN:
        raw().execute(f"DROP TABLE IF EXISTS bench_{table}")
        raw().execute(f"CREATE TABLE bench_{table} AS TABLE {table}")


def is_kept(party: Any) -> bool:
    """Whether lists of this party were put aside earlier today."""
    from majung.core import clock
    from majung.core.db import raw

    if raw().execute("SELECT to_regclass('bench_dispatch')").fetchall() == [(None,)]:
        return False
    rows = (
        raw()
        .execute("SELECT DISTINCT root_id, (frozen_at AT TIME ZONE 'Asia/Seoul')::date FROM bench_dispatch")
        .fetchall()
    )
    return rows == [(party.root_id, clock.today())]


def restore() -> None:
    """The lists stand as they were frozen."""
    from majung.core import clock
    from majung.core.db import raw

    for table in FROZEN:
        raw().execute(f"INSERT INTO {table} SELECT * FROM bench_{table}")
    # Clocks of benches begin at ten again: what was frozen by an earlier one would lie ahead of this one's.
    raw().execute("UPDATE dispatch SET not_before = %s", [clock.now()])
    raw().execute("VACUUM ANALYZE")


@contextmanager
def senders(count: int, slots: int) -> Iterator[None]:
    """So many sender processes, up and idle; ended afterwards."""
    command = [sys.executable, "-m", "majung.delivery.worker", "--slots", str(slots)]
    environment = os.environ | {"MAJUNG_LOG_LEVEL": "WARNING"}
    made = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(count)]
    try:
        time.sleep(3.0)
        yield
    finally:
        for process in made:
            process.terminate()
        for process in made:
            process.wait(30)


def one_run(big: int, small: list[int], asked: argparse.Namespace) -> dict[str, Any]:
    """Start everything at once and watch."""
    from majung.core import clock
    from majung.core.db import raw

    with senders(asked.senders, asked.slots):
        began = clock.now()
        raw().execute("UPDATE dispatch SET state = 'sending'")
        while True:
            time.sleep(0.05)
            [(still,)] = raw().execute(
                "SELECT count(*) FROM campaign_chunk WHERE campaign_id = ANY(%s) AND state < 3", [small]
            ).fetchall()  # fmt: skip
            if not still:
                break
        [(left, chunks)] = raw().execute(
            "SELECT count(*) FILTER (WHERE state >= 2), count(*) FROM campaign_chunk WHERE campaign_id = %s", [big]
        ).fetchall()  # fmt: skip
        [(settled, handed)] = raw().execute(
            "SELECT max(settled_at), max(handed_at) FROM campaign_chunk WHERE campaign_id = ANY(%s)", [small]
        ).fetchall()  # fmt: skip
        while not raw().execute("SELECT finished_at FROM dispatch WHERE campaign_id = %s", [big]).fetchall()[0][0]:
            time.sleep(0.1)
        [(whole,)] = raw().execute("SELECT last_settled_at FROM dispatch WHERE campaign_id = %s", [big]).fetchall()
    return {
        "seconds": round((settled - began).total_seconds(), 2), "left_after": round((handed - began).total_seconds(), 2),
        "big_share": round(left / chunks, 2), "big_seconds": round((whole - began).total_seconds(), 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", default=["fairness"], help="as majung bench asks")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--units", type=int, default=300)
    parser.add_argument("--big", type=int, default=500_000)
    parser.add_argument("--small", type=int, default=50)
    parser.add_argument("--senders", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--slots", type=int, default=3)
    asked = parser.parse_args()
    url = kit.installation("fairness")
    runs = []
    for _ in range(asked.runs):
        with gateway.running(
            key=world.KEY, report_delay_seconds=0.2, refused_share=0.01, not_friend_share=0.0
        ) as dealer:
            party = build(asked.units, asked.big, asked.small, dealer.url)
            world.forget(url)
            if not is_kept(party):
                freeze(party)
                keep()
                world.forget(url)
            restore()
            big, *small = range(1, asked.units + 1)
            runs.append(one_run(big, small, asked))
        print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    measured = Measured(name="fairness", runs=[run["seconds"] for run in runs], floor=None, floor_is="", more=runs[-1])
    kit.answer([measured])


if __name__ == "__main__":
    main()
