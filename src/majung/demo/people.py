"""Fills the party with people: most by direct load, some through a messy list; consents, friendships, refusals.

What is known is drawn so that it agrees with the sandbox's world, whose rules go by the last two digits of a number; about
four in ten friendships stay unknown, as after any import of a real list.
"""

import io
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from majung.channels import services as channels
from majung.channels.friends import FriendState, How
from majung.channels.identities import space
from majung.channels.models import Channel, KakaoApp
from majung.consent import services as consent
from majung.consent.enums import ConsentMedium, RefusalPath
from majung.consent.enums import How as ConsentHow
from majung.core import clock
from majung.demo import tree as party
from majung.demo.population import Population, invent, rows
from majung.demo.world import Say, World
from majung.people import services as people
from majung.people.bulk import NewPerson
from majung.people.enums import Basis, MemberState
from majung.people.imports import services as imports
from majung.people.imports.models import ImportFile, ImportState
from majung.tree.actor import system_actor

BATCH = 10_000
IMPORT_SHARE, IMPORT_MOST = 0.02, 5_000
MEMBER, APPLIED, NO_BASIS, STOPPED = 0.88, 0.03, 0.006, 0.002
SENSITIVE, NEWS, REFUSED, BLOCKED, KNOWN, LINKED = 0.97, 0.80, 0.02, 0.02, 0.62, 0.15

FRIEND_OF_ALL, FRIEND_OF_NONE, FRIEND_OF_WIDE = range(70), range(70, 80), range(80, 93)
CONSENT_DAYS = (700, 420, 180, 45)
SEEN_DAYS = (80, 40, 12, 3)
SEEN_SHARES = (0.55, 0.28, 0.14, 0.03)


def load(world: World, count: int, say: Say) -> None:
    """``count`` people belong to the party."""
    population = invent(count, year=clock.today().year)
    by_list = min(IMPORT_MOST, int(count * IMPORT_SHARE))
    direct, listed = population.part(slice(0, count - by_list)), population.part(slice(count - by_list, count))
    random = np.random.default_rng(7)
    who = _add(world, direct, random, say)
    _agree(world, who, random)
    _befriend(world, direct, who, random)
    _refuse(world, who, random)
    _import(world, listed, say)
    say(f"명단으로 {by_list:,}명을 더 가져왔습니다.")


def _add(world: World, population: Population, random: np.random.Generator, say: Say) -> NDArray[np.int64]:
    """The people's numbers; 0 where the row was somebody known already."""
    codes = [row["nec_code"] for row in rows("districts")]
    regions = [row["region_code"] for row in rows("districts")]
    names, mobiles = population.names(), population.mobiles()
    draw = random.random(len(population))
    standing = np.where(draw < MEMBER, 2, np.where(draw < MEMBER + APPLIED, 1, 0))
    groundless, mobileless = random.random(len(population)) < NO_BASIS, random.random(len(population)) < NO_BASIS
    # An id of the messenger belongs to one person: of those who share a number, the first.
    first = np.zeros(len(population), dtype=bool)
    first[np.unique(population.number, return_index=True)[1]] = True
    linked = (random.random(len(population)) < LINKED) & first & ~mobileless
    kakao = space(world.app.pk)
    actor = system_actor(world.centre.root_id)
    who = np.zeros(len(population), dtype=np.int64)
    for start in range(0, len(population), BATCH):
        part = range(start, min(start + BATCH, len(population)))
        batch = [
            NewPerson(
                entity_id=world.entity.pk,
                name=names[i],
                mobile="" if mobileless[i] else mobiles[i],
                home_unit_id=world.units[codes[population.district[i]]].pk,
                birth_ym=int(population.birth_ym[i]),
                gender=2 if population.is_woman[i] else 1,
                region_code=regions[population.district[i]],
                district_code=codes[population.district[i]],
                basis=Basis.NONE if groundless[i] else Basis.MEMBERSHIP,
                member=(None, MemberState.APPLIED, MemberState.MEMBER)[standing[i]],
                identities=((kakao, str(1_000_000_000 + int(population.number[i]))),)
                if linked[i] and not mobileless[i]
                else (),
            )
            for i in part
        ]
        with transaction.atomic():
            added = people.add_people(actor, batch)
            who[start : start + len(batch)] = [number or 0 for number in added.numbers]
            stopped = [n for n in added.people if random.random() < STOPPED]
            if stopped:
                people.set_processing(actor, stopped, stopped=True)
        if start // BATCH % 10 == 9:
            say(f"{start + len(batch):,}명을 넣었습니다.")
    return who


def _some(who: NDArray[np.int64], mask: NDArray[np.bool_]) -> list[int]:
    return [int(n) for n in who[mask & (who > 0)]]


def _agree(world: World, who: NDArray[np.int64], random: np.random.Generator) -> None:
    actor, now = system_actor(world.centre.root_id), clock.now()
    day = random.choice(len(CONSENT_DAYS), size=len(who))
    agreed = {
        code: random.random(len(who)) < share
        for code, share in (("join", 1.0), ("sensitive", SENSITIVE), ("news", NEWS))
    }
    for code, mask in agreed.items():
        notice = world.notices[code]
        media = [ConsentMedium.KAKAO_AD] if notice.media else []
        for position, days in enumerate(CONSENT_DAYS):
            for part in _parts(_some(who, mask & (day == position))):
                consent.grant_consents(
                    actor, part, notice, media, ConsentHow.PAPER, {"form": "가입원서"}, at=now - timedelta(days=days)
                )


def _befriend(world: World, population: Population, who: NDArray[np.int64], random: np.random.Generator) -> None:
    """What is known of friendships: agrees with the sandbox, but for those who left since."""
    now = clock.now()
    ending = population.number % 100
    known = random.random(len(who)) < KNOWN
    blocked = random.random(len(who)) < BLOCKED
    age = random.choice(len(SEEN_DAYS), size=len(who), p=SEEN_SHARES)
    all_, none, wide = (np.isin(ending, np.array(r)) for r in (FRIEND_OF_ALL, FRIEND_OF_NONE, FRIEND_OF_WIDE))
    root = world.centre.root_id
    heard: dict[int, datetime] = {}

    def see(code: str, mask: NDArray[np.bool_], state: FriendState, how: How) -> None:
        for position, days in enumerate(SEEN_DAYS):
            if seen := _some(who, mask & (age == position)):
                channels.observe(root, world.channels[code].pk, seen, state, _at(now, days), how)
                if how is How.WEBHOOK:
                    heard[world.channels[code].pk] = _at(now, days)

    districts = rows("districts")
    for position, district in enumerate(districts):
        here = (population.district == position) & known
        see(district["nec_code"], here & all_ & ~blocked, FriendState.ADDED, How.WEBHOOK)
        see(district["nec_code"], here & all_ & blocked, FriendState.BLOCKED, How.WEBHOOK)
        see(district["nec_code"], here & none, FriendState.NOT_A_FRIEND, How.SENDING)
    province = np.array([int(row["region_code"]) for row in districts])[population.district]
    for region in rows("regions"):
        there = (province == int(region["region_code"])) & known
        see(f"R{region['region_code']}", there & wide & ~blocked, FriendState.ADDED, How.WEBHOOK)
    see(party.CENTRE_CODE, known & all_ & (ending < 20) & ~blocked, FriendState.ADDED, How.WEBHOOK)
    see(party.CENTRE_CODE, known & none & (ending < 73), FriendState.NOT_A_FRIEND, How.SENDING)
    # What was seen by webhook was heard by the channel: its line in the health of channels says so.
    for at in set(heard.values()):
        Channel.objects.filter(pk__in=[pk for pk, last in heard.items() if last == at]).update(heard_at=at)
    KakaoApp.objects.filter(pk=world.app.pk).update(heard_at=max(heard.values(), default=None))


def _at(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days, hours=3)


def _refuse(world: World, who: NDArray[np.int64], random: np.random.Generator) -> None:
    draw = random.random(len(who))
    for part in _parts(_some(who, draw < REFUSED)):
        consent.refuse(world.centre.root_id, part, world.entity.pk, [ConsentMedium.EVERY], RefusalPath.LINK)


def _parts(numbers_: list[int]) -> Iterable[list[int]]:
    for start in range(0, len(numbers_), 50_000):
        yield numbers_[start : start + 50_000]


# ── the messy list ───────────────────────────────────────────────────────────────────────────────────────────────────


def messy(population: Population) -> bytes:
    """A list as offices keep them: CP949, odd headers, every spelling of a number, mixed dates, doubles, landlines."""
    districts = rows("districts")
    out = io.StringIO()
    out.write("연번,성 명,휴대폰 번호(필수),생년월일,성별,지역구,비고,입당일\r\n")
    for i, (name, mobile) in enumerate(zip(population.names(), population.mobiles(), strict=True)):
        year, month = divmod(int(population.birth_ym[i]), 100)
        head, middle, tail = mobile[:3], mobile[3:7], mobile[7:]
        number = (
            f"{head}-{middle}-{tail}", mobile, f"+82 10-{middle}-{tail}", f"{head} {middle} {tail}", f"０１０-{middle}-{tail}",
            f"{head}.{middle}.{tail}",
        )[i % 6]  # fmt: skip
        birth = (
            f"{year}-{month:02d}-11", f"{year}.{month}.11", f"{year % 100:02d}{month:02d}11", f"{year}년 {month}월 11일", f"{year}",
        )[i % 5]  # fmt: skip
        gender = (("여", "남"), ("여자", "남자"), ("F", "M"))[i % 3][0 if population.is_woman[i] else 1]
        label = districts[population.district[i]]["label"]
        note = '"전화는 저녁에\r\n부탁"' if i % 50 == 7 else ""
        if i % 97 == 3:
            number = "02-123-4567"
        elif i % 101 == 5:
            number = "모름"
        elif i % 103 == 9:
            birth = "어제"
        line = f"{i + 1},{name},{number},{birth},{gender},{label},{note},2025. 3. 2.\r\n"
        out.write(line * (2 if i % 61 == 11 else 1))
    return out.getvalue().encode("cp949", "replace")


def _import(world: World, population: Population, say: Say) -> None:
    """Through the same services as an operator's upload; the steps are the jobs' own."""
    source = imports.upload(
        world.centre, world.units[party.CENTRE_CODE], "당원명부_최종_진짜최종.csv", [messy(population)]
    )
    chosen = [world.notices[code] for code in ("join", "sensitive", "news")]
    imports.begin(
        world.centre,
        source,
        columns=source.columns,
        ground=Basis.CONSENT,
        notice_ids=[notice.pk for notice in chosen],
        media=[str(ConsentMedium.KAKAO_AD)],
        are_members=True,
        evidence="2025년 입당원서 원본, 총무국 보관",
        obtained_on=clock.today() - timedelta(days=200),
    )
    _until(source, ImportState.READY)
    imports.confirm(world.centre, source)
    _until(source, ImportState.DONE)


def _until(source: ImportFile, state: ImportState, seconds: float = 600.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        source.refresh_from_db()
        if source.state == state:
            return
        if source.state == ImportState.FAILED:
            raise RuntimeError(source.problem)
        time.sleep(0.2)
    raise RuntimeError(f"the import is still {source.state}")
