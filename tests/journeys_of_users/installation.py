"""A small real installation that stays up until its stdin closes: ``python -m tests.journeys_of_users.installation``.

Everything runs as in ``majung demo`` (database, sandbox, web, ingest, worker), on a clock of 10:00 in Seoul, over a party of
a centre, one province and two districts with forty people. Prints one line of JSON with the addresses when all is ready.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "sandbox")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT / "sandbox")])

from majung.cli import demo  # noqa: E402  the path must be set first
from majung.cli.installation import say  # noqa: E402

if TYPE_CHECKING:
    from majung.demo.world import World

CENTRE, PROVINCE, DISTRICTS = "TOP", "R11", ("2110101", "2110201")
PEOPLE = 40
FRIEND, FRIEND_OF_NONE, FRIEND_OF_WIDE = 11, 72, 85
"""Last two digits of numbers, as the sandbox reads them."""
LISTED = (
    ("나래솔", "01000010007", "F", "1988-03-11"),
    ("도하늘", "01000010118", "M", "1979.11.2"),
    ("라온별", "01000010229", "여자", "910705"),
    ("모아름", "01000010333", "여", "1985년 6월 9일"),
    ("보드레", "01000010471", "여", "1990-12-01"),
    ("새봄이", "01000010544", "F", "1995.1.30"),
    ("아라솔", "01000010686", "여자", "1969"),
    ("자람솔", "01000010752", "남", "1983-08-15"),
)
"""The people of the list that the walk uploads: name, number, gender and birth as an office would write them."""


def main() -> int:
    """Up until stdin closes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with demo.temporary() as home, demo.world(home, demo.instant("10:00"), port=None, alone=True):
        from django.conf import settings

        load()
        ready = {"web": settings.BASE_URL, "sandbox": settings.SANDBOX_URL, "logs": str(home / "logs")}
        print(json.dumps(ready), flush=True)
        sys.stdin.read()
    say("끕니다.")
    return 0


def load() -> None:
    """The party, its channels and people exist; the phones of the list's people are known to the sandbox."""
    from django.conf import settings

    from majung.demo import tree as party
    from majung.demo import world
    from majung.demo.gateway import Gateway

    gateway = Gateway(settings.SANDBOX_URL)
    units = {CENTRE, PROVINCE, *DISTRICTS}
    places = [place for place in party.places() if place.code in units or place.parent_code in DISTRICTS]
    built = world.build(gateway, say, places)
    add_people(built)
    gateway.post("phones", [{"name": name, "number": number} for name, number, *_ in LISTED])


def add_people(built: "World") -> None:
    """Forty members and others: every fifth has a reason not to be written to."""
    from majung.channels import services as channels
    from majung.channels.friends import FriendState, How
    from majung.consent import services as consent
    from majung.consent.enums import ConsentMedium, RefusalPath
    from majung.consent.enums import How as ConsentHow
    from majung.core import clock
    from majung.demo import population
    from majung.people import services as people
    from majung.people.bulk import NewPerson
    from majung.people.enums import Basis, MemberState
    from majung.tree.actor import system_actor

    root, actor, now = built.centre.root_id, system_actor(built.centre.root_id), clock.now()
    names = population.invent(PEOPLE, year=clock.today().year).names()
    homes = [DISTRICTS[i % len(DISTRICTS)] for i in range(PEOPLE)]
    added = people.add_people(
        actor,
        [
            NewPerson(
                entity_id=built.entity.pk,
                name=names[i],
                mobile="" if i % 20 == 6 else f"0100000{i:02d}{(FRIEND, FRIEND_OF_NONE, FRIEND_OF_WIDE)[i % 3]:02d}",
                home_unit_id=built.units[homes[i]].pk,
                birth_ym=198000 + 100 * (i % 20) + 1 + i % 12,
                gender=1 if i % 4 == 3 else 2,
                region_code=PROVINCE[1:],
                district_code=homes[i],
                basis=Basis.MEMBERSHIP,
                member=None if i % 10 == 0 else MemberState.MEMBER,
            )
            for i in range(PEOPLE)
        ],
    )
    numbers = [number for number in added.numbers if number]
    consent.grant_consents(actor, numbers, built.notices["join"], [], ConsentHow.PAPER, {"form": "가입원서"}, at=now)
    agreed = [number for i, number in enumerate(numbers) if i % 10 != 1]
    consent.grant_consents(
        actor, agreed, built.notices["sensitive"], [], ConsentHow.PAPER, {"form": "가입원서"}, at=now
    )
    refusing = [number for i, number in enumerate(numbers) if i % 20 == 2]
    consent.refuse(root, refusing, built.entity.pk, [ConsentMedium.EVERY], RefusalPath.LINK)
    for code in DISTRICTS:
        here = [number for i, number in enumerate(numbers) if homes[i] == code]
        channels.observe(root, built.channels[code].pk, here[::4], FriendState.ADDED, now, How.WEBHOOK)
        channels.observe(root, built.channels[code].pk, here[1:2], FriendState.BLOCKED, now, How.WEBHOOK)


if __name__ == "__main__":
    raise SystemExit(main())
