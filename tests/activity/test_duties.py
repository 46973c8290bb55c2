"""Duties: owed once, joined when owed again, done once, seen by those who see the unit."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import QuerySet

from majung.activity import queries, services
from majung.activity.models import Duty
from majung.tree.models import Unit
from tests.make import tree as make

DUE = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Looker:
    root_id: int
    reach: tuple[int, ...]
    kind: str = "user"
    number: int | None = 1

    def units(self) -> QuerySet[Any]:
        return Unit.objects.filter(pk__in=self.reach)


def owe(unit: Unit, kind: str = "consent.result_notice", **other: Any) -> int:
    facts = {"due_at": DUE, "title": "동의 결과를 알려야 합니다", **other}
    return services.owe(root_id=unit.root_id, unit_id=unit.pk, kind=kind, **facts)


@pytest.mark.django_db
def test_owed_again_while_open_joins_people_and_keeps_the_earlier_moment() -> None:
    unit = make.organisation().top

    first = owe(unit, people=[3, 1])
    second = owe(unit, people=[2, 3], due_at=DUE - timedelta(days=1))

    duty = Duty.objects.get()
    assert (first, second, duty.people, duty.due_at) == (duty.pk, duty.pk, [1, 2, 3], DUE - timedelta(days=1))


@pytest.mark.django_db
def test_owed_again_after_it_was_done_is_a_new_duty() -> None:
    unit = make.organisation().top
    looker = Looker(unit.root_id, (unit.pk,))

    first = owe(unit)
    done = services.fulfil(looker, first)
    second = owe(unit)

    assert (done, services.fulfil(looker, first), first != second) == (True, False, True)
    assert list(queries.duties(looker).values_list("pk", flat=True)) == [second]


@pytest.mark.django_db
def test_objects_keep_duties_apart() -> None:
    unit = make.organisation().top

    owe(unit, object_kind="notice", object_id=1)
    owe(unit, object_kind="notice", object_id=2)
    owe(unit, object_kind="notice", object_id=2)

    assert Duty.objects.count() == 2


@pytest.mark.django_db
def test_duties_show_own_units_only_most_pressing_first() -> None:
    ours, other = make.organisation(depth=2), make.organisation()
    mine, sister = ours.units[1], ours.units[2]
    late, soon = owe(mine, "a"), owe(mine, "b", due_at=DUE - timedelta(days=3))
    owe(sister)
    owe(other.top)

    shown = queries.duties(Looker(mine.root_id, (mine.pk,)))

    assert list(shown.values_list("pk", flat=True)) == [soon, late]


@pytest.mark.django_db
def test_a_foreign_duty_cannot_be_done() -> None:
    ours, other = make.organisation(), make.organisation()
    duty = owe(other.top)

    assert services.fulfil(Looker(ours.root.pk, (ours.top.pk,)), duty) is False
    assert Duty.objects.get(pk=duty).done_at is None
