"""Builders of organisations, units, users, grants and actors. Names and addresses are invented."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from majung.accounts.models import User
from majung.core import clock
from majung.tree.actor import Actor, actor_of_user
from majung.tree.enums import ACTS, OrganisationKind, Role, UnitState
from majung.tree.models import Grant, LegalEntity, Organisation, Unit, UnitKind, UnitSpan

PASSWORD = "seven quiet rivers"
_number = count(1)


@dataclass(frozen=True, kw_only=True)
class Organised:
    """One organisation: ``units`` breadth first (the top is ``units[0]``), its owner and the owner as actor."""

    root: Organisation
    entity: LegalEntity
    kinds: list[UnitKind]
    units: list[Unit] = field(default_factory=list)
    owner: User
    owner_grant: Grant

    @property
    def top(self) -> Unit:
        """The unit at the top of the tree."""
        return self.units[0]

    @property
    def actor(self) -> Actor:
        """The owner as actor, freshly read."""
        return actor(self.owner, self.root)

    def children(self, parent: Unit) -> list[Unit]:
        """The units right below ``parent``."""
        return [u for u in self.units if u.path.startswith(parent.path) and u.depth == parent.depth + 1]


def user(*, email: str = "", password: str | None = None) -> User:
    """A user; without ``password`` one who cannot sign in (hashing is slow)."""
    return User.objects.create_user(email or f"user{next(_number)}@example.com", password)


def unit(parent: Unit | None, *, root: Organisation, kind: UnitKind, entity: LegalEntity, **columns: Any) -> Unit:
    """A unit below ``parent`` (or at the top) with its open span."""
    number = next(_number)
    at: datetime = clock.now() - timedelta(days=1)
    values = {"name": f"단위 {number}", "code": f"U{number}", "opened_on": clock.seoul(at).date(), **columns}
    new = Unit(root=root, kind=kind, entity=entity, **values)
    if parent is None:
        made = Unit.objects.add_root(instance=new)
    else:
        made = Unit.objects.add_child(Unit.objects.get(pk=parent.pk), instance=new)
    UnitSpan.objects.create(
        unit=made, parent=parent, path=made.path, name=made.name, kind=kind, entity=entity, leader=made.leader,
        state=made.state, from_at=at,
    )  # fmt: skip
    return Unit.objects.get(pk=made.pk)


def grant(
    holder: User | None,
    unit: Unit,
    *,
    role: Role = Role.OPERATOR,
    parent: Grant | None = None,
    covers_subtree: bool = True,
    **columns: Any,
) -> Grant:
    """A grant in force since yesterday, lent out of ``parent`` (None only for an owner)."""
    yesterday = clock.now() - timedelta(days=1)
    values = {
        "acts": sorted(ACTS[role]),
        "starts_at": yesterday if parent is None else max(parent.starts_at, yesterday),
        "ends_at": None if parent is None else parent.ends_at,
        "lent_by": None if parent is None else parent.user,
        **{name: getattr(parent, name, None) for name in QUOTAS},
        **columns,
    }
    return Grant.objects.create(
        root_id=unit.root_id, unit=unit, user=holder, role=role, parent=parent, covers_subtree=covers_subtree, **values
    )


QUOTAS = ("messages_per_day", "messages_total", "centiwon_per_day", "centiwon_total")


def organisation(
    *,
    kind: OrganisationKind = OrganisationKind.POLITICAL,
    name: str = "",
    depth: int = 1,
    width: int = 2,
    owner: User | None = None,
) -> Organised:
    """An organisation of ``depth`` tiers in which each unit has ``width`` below it, with an owner at the top.

    ``depth=1`` is the top alone; ``depth=3, width=2`` has seven units.
    """
    number = next(_number)
    root = Organisation.objects.create(name=name or f"가람당 {number}", kind=kind)
    entity = LegalEntity.objects.create(root=root, name=f"{root.name} 중앙당", phone="02-700-0000")
    names = ["중앙당", "시도당", "지역구", "읍면동", "반", *[f"{n}단계" for n in range(6, depth + 1)]][:depth]
    kinds = [UnitKind.objects.create(root=root, name=text, rank=rank) for rank, text in enumerate(names)]
    tier = [unit(None, root=root, kind=kinds[0], entity=entity, name=root.name)]
    units = list(tier)
    for kind_below in kinds[1:]:
        tier = [unit(above, root=root, kind=kind_below, entity=entity) for above in tier for _ in range(width)]
        units += tier
    units = [Unit.objects.select_related("kind", "entity", "root").get(pk=u.pk) for u in units]
    holder = owner or user()
    held = grant(holder, units[0], role=Role.OWNER)
    return Organised(root=root, entity=entity, kinds=kinds, units=units, owner=holder, owner_grant=held)


def actor(holder: User, root: Organisation | None = None) -> Actor:
    """``holder`` as actor of ``root`` (default: the first organisation). Fails when nothing is lent."""
    found = actor_of_user(holder, None if root is None else root.pk)
    assert found is not None, "nothing is lent to this user"
    return found


def lent(
    made: Organised, at: Unit, *, role: Role = Role.OPERATOR, covers_subtree: bool = True, **columns: Any
) -> Actor:
    """A new user as actor, holding ``role`` at ``at``, lent by the owner of ``made``."""
    holder = user()
    grant(holder, at, role=role, parent=made.owner_grant, covers_subtree=covers_subtree, **columns)
    return actor(holder, made.root)


def suspend(unit: Unit) -> None:
    """The unit stands still (columns only; ``tree.services.suspend_unit`` is the real act)."""
    Unit.objects.filter(pk=unit.pk).update(state=UnitState.SUSPENDED)
