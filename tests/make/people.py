"""Builders of people: one by one or a crowd, always through ``people.services.add_people``. Every name and number is invented."""

from itertools import count
from typing import Any

import numpy as np

from majung.people.enums import Basis, MemberState
from majung.people.services import NewPerson, add_people
from majung.tree.actor import system_actor
from majung.tree.models import LegalEntity, Unit

SURNAMES = "김이박최정강조윤장임"
GIVEN = ("가온", "나래", "다솜", "라온", "마루", "바다", "새롬", "아라", "하늘", "한별")
BATCH = 20_000

_mobile = count(1)


def mobile() -> str:
    """A mobile number nobody else has got."""
    return f"010{next(_mobile) + 10_000_000:08}"


def person(*, unit: Unit, entity: LegalEntity | None = None, **columns: Any) -> int:
    """One person at home in ``unit``; the number. ``mobile=""`` for none."""
    values = {"name": "홍길동", "mobile": mobile(), "basis": Basis.CONSENT, **columns}
    row = NewPerson(**{"entity_id": (entity or unit.entity).pk, "home_unit_id": unit.pk, **values})
    [number] = add_people(system_actor(unit.root_id), [row]).numbers
    assert number is not None, "a duplicate"
    return number


def crowd(n: int, *, units: list[Unit], seed: int = 1, shared: float = 0.0, **columns: Any) -> list[int]:
    """``n`` people spread over ``units``, of any age, three in five members; ``shared`` is the part with another's number.

    Their numbers begin at a full hundred: the endings, by which the sandbox decides, are the same whichever tests ran before.
    """
    while int(mobile()[-2:]) != 99:
        pass
    random = np.random.default_rng(seed)
    homes = random.integers(0, len(units), n)
    years, months = random.integers(1936, 2027, n), random.integers(1, 13, n)
    genders, members = random.integers(0, 3, n), random.random(n) < 0.6
    lends = random.random(n) < shared
    numbers: list[int] = []
    lent = mobile()
    for start in range(0, n, BATCH):
        rows = []
        for i in range(start, min(start + BATCH, n)):
            unit = units[homes[i]]
            lent = lent if lends[i] else mobile()
            values = {
                "name": f"{SURNAMES[i % len(SURNAMES)]}{GIVEN[i // len(SURNAMES) % len(GIVEN)]}",
                "mobile": lent,
                "birth_ym": int(years[i] * 100 + months[i]),
                "gender": int(genders[i]),
                "district_code": unit.district_code,
                "basis": Basis.CONSENT,
                "member": MemberState.MEMBER if members[i] else None,
                **columns,
            }
            rows.append(NewPerson(entity_id=unit.entity_id, home_unit_id=unit.pk, **values))
        numbers += add_people(system_actor(units[0].root_id), rows).people
    return numbers
