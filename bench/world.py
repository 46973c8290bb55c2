"""What several programs measure with: a party of 272 units with a channel each and any number of members, and the real sandbox."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench import kit
from bench.gateway import Gateway

KEY, SECRET = "BENCHKEY", "BENCH-SECRET"
TEXT = (
    "#{이름} 님, #{조직}에서 알립니다. 이번 달 당원 모임은 넷째 주 토요일 오후 두 시에 구민회관에서 엽니다. "
    "지난 모임에서 나눈 이야기의 결과와 다음 분기 계획을 함께 살펴봅니다. "
    "오시는 길과 준비물은 아래 단추에서 보실 수 있고, 궁금한 점은 #{전화}로 물어봐 주세요."
)
"""About the length of perf.md's test message: 137 letters, three variables."""


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
                    entity_id=made.entity.pk, name=f"가온{i % 1000:03}", mobile=kit.mobile(i), birth_ym=198001,
                    home_unit_id=districts[i * 7919 % len(districts)].pk, basis=Basis.CONSENT, member=MemberState.MEMBER,
                )
                for i in range(start, min(start + 50_000, people))
            ]  # fmt: skip
            bulk.add(raw(), sealer(), made.root.pk, rows, clock.now())
        raw().execute("ANALYZE")
    root = Organisation.objects.get(name=name)
    kit.has_sentinel(root.pk)
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


@contextmanager
def sandbox() -> Iterator[Gateway]:
    """The real sandbox in a process of its own, asked like the gateway in whose place it is."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "majung_sandbox", "--port", str(port)]
    process = subprocess.Popen(command, cwd=kit.ROOT, env=os.environ, stdout=subprocess.DEVNULL)
    made = Gateway(url=f"http://127.0.0.1:{port}", pid=process.pid)
    try:
        for _ in range(200):
            try:
                made.ask("health")
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit("the sandbox did not start")
        yield made
    finally:
        process.terminate()
        process.wait(20)


def register(made: Gateway, party: Any) -> None:
    """Tell the sandbox the account and the channels."""
    made.control("accounts", {"apiKey": KEY, "apiSecret": SECRET, "balance": 10**9, "any_sender": True})
    channels = [
        {"pfId": f"PF{c.profile_id}", "profileId": c.profile_id, "searchId": c.search_id, "name": c.name,
         "reach": "near" if unit.depth == 3 else "wide"}
        for unit in party.made.units for c in [party.channels[unit.pk]]
    ]  # fmt: skip
    made.control("channels", channels)


def forget(url: str) -> None:
    """What earlier runs observed is gone, so that every run starts alike."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE campaign_chunk, campaign_left_out, chunk_exception, cost_entry, dispatch")
        connection.execute("TRUNCATE reached_open, reached_day, dispatch_turn, pace, week_hold")
        connection.execute("TRUNCATE friendship, crowd_change, refusal, refusal_entry, activity_duty")
