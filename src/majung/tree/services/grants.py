"""Lending and taking back (T3)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from majung.accounts.models import ApiKey, Invitation, User
from majung.activity.services import write
from majung.core import clock, db, sql
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.tree import rules
from majung.tree.actor import Actor, covers
from majung.tree.enums import ACTS, Act, Role, UnitState
from majung.tree.errors import GrantTooWide, UnitStopped
from majung.tree.models import Grant, Reservation, Unit
from majung.tree.rules import NO_LIMITS, Quotas, Terms
from majung.tree.services.records import lock_root, record, record_all

_QUOTAS = ("messages_per_day", "messages_total", "centiwon_per_day", "centiwon_total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is to be lent. What is left None is lent as the lender holds it: from now, as long, as much.

    ``acts`` are the role's unless fewer are named; ``user`` is who gets it (None while an invitation or key is made for it).
    """

    unit: Unit
    role: Role
    covers_subtree: bool = True
    user: User | None = None
    acts: frozenset[str] | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    quotas: Quotas = NO_LIMITS
    label: str = ""

    def terms(self, held: Grant, now: datetime) -> Terms:
        """The offer as plain terms, filled up from ``held``."""
        mine = quotas_of(held)
        return Terms(
            root_id=self.unit.root_id,
            path=self.unit.path,
            covers_subtree=self.covers_subtree,
            acts=ACTS[self.role] if self.acts is None else self.acts,
            starts_at=max(self.starts_at or now, now),
            ends_at=held.ends_at if self.ends_at is None else self.ends_at,
            quotas=Quotas(
                **{
                    name: getattr(mine, name) if getattr(self.quotas, name) is None else getattr(self.quotas, name)
                    for name in _QUOTAS
                }
            ),
        )


def quotas_of(grant: Grant) -> Quotas:
    """The limits of ``grant``."""
    return Quotas(**{name: getattr(grant, name) for name in _QUOTAS})


def terms_of(grant: Grant) -> Terms:
    """``grant`` as plain terms; needs ``grant.unit``."""
    return Terms(
        root_id=grant.root_id,
        path=grant.unit.path,
        covers_subtree=grant.covers_subtree,
        acts=frozenset(grant.acts),
        starts_at=grant.starts_at,
        ends_at=grant.ends_at,
        quotas=quotas_of(grant),
        is_revoked=grant.revoked_at is not None,
    )


@transaction.atomic
def lend(actor: Actor, offer: Offer) -> Grant:
    """``offer.user`` holds what is offered, lent out of what the actor holds. Raises GrantTooWide, NotYours, Forbidden."""
    if offer.user is None:
        raise Invalid(problem="누구에게 빌려줄지 골라 주세요.")
    return lend_to(actor, offer, user=offer.user)


def lend_to(
    actor: Actor,
    offer: Offer,
    *,
    user: User | None = None,
    invitation: Invitation | None = None,
    api_key: ApiKey | None = None,
) -> Grant:
    """As ``lend``, to whichever holder is given; inside the caller's transaction."""
    lock_root(actor.root_id)
    offer = replace(offer, unit=Unit.objects.get(pk=offer.unit.pk))
    actor.require(Act.GRANTS_LEND, offer.unit)
    if offer.unit.state == UnitState.CLOSED:
        raise UnitStopped(unit=offer.unit.name)
    if offer.acts is not None and not offer.acts <= ACTS[offer.role]:
        raise Invalid(problem="역할에 없는 일은 빌려줄 수 없습니다.")
    now = clock.now()
    if offer.ends_at is not None and offer.ends_at <= max(offer.starts_at or now, now):
        raise Invalid(problem="끝나는 때가 시작보다 뒤여야 합니다.")
    # What was read with the request may have been taken back since: under the lock it is read again.
    own = [g.pk for g in actor.grants_for(Act.GRANTS_LEND, offer.unit)]
    fresh = {g.pk: g for g in Grant.objects.filter(pk__in=own).select_related("unit")}
    reason = rules.Width.MAY_NOT_LEND
    for number in own:
        held = fresh[number]
        terms = offer.terms(held, now)
        found = rules.wider(terms, terms_of(held))
        if found is None:
            return _create(actor, offer, terms, held, user=user, invitation=invitation, api_key=api_key)
        reason = found if reason is rules.Width.MAY_NOT_LEND else reason
    raise GrantTooWide(reason=reason, problem=rules.SENTENCES[reason])


def _create(
    actor: Actor,
    offer: Offer,
    terms: Terms,
    held: Grant,
    *,
    user: User | None,
    invitation: Invitation | None,
    api_key: ApiKey | None,
) -> Grant:
    grant = Grant.objects.create(
        root_id=actor.root_id,
        parent=held,
        user=user,
        invitation=invitation,
        api_key=api_key,
        label=offer.label[:60],
        unit=offer.unit,
        covers_subtree=terms.covers_subtree,
        role=offer.role,
        acts=sorted(terms.acts),
        starts_at=terms.starts_at,
        ends_at=terms.ends_at,
        messages_per_day=terms.quotas.messages_per_day,
        messages_total=terms.quotas.messages_total,
        centiwon_per_day=terms.quotas.centiwon_per_day,
        centiwon_total=terms.quotas.centiwon_total,
        lent_by=actor.user,
        lent_at=clock.now(),
    )
    record(actor, "tree.grant_lent", grant, unit_id=offer.unit.pk, role=offer.role)
    return grant


def may_revoke(actor: Actor, grant: Grant) -> bool:
    """Whether the actor lent it, directly or through others, or stands strictly above its place with the right to lend."""
    if actor.is_system:
        return grant.root_id == actor.root_id
    lending = [g for g in actor.grants if Act.GRANTS_LEND in g.acts]
    from_above = any(covers(g, grant.unit) and g.unit_id != grant.unit_id for g in lending)
    return from_above or bool({g.pk for g in lending} & set(chain_numbers(grant)[1:]))


def chain_numbers(grant: Grant) -> list[int]:
    """The grant and those it was lent from, the nearest first."""
    rows = db.raw().execute(sql.load("majung.tree", "live", "chain"), {"grant": grant.pk}).fetchall()
    return [found[0] for found in rows]


@transaction.atomic
def revoke(actor: Actor, grant: Grant) -> int:
    """The grant and all that was lent on from it are taken back when this commits. Returns how many; 0 the second time."""
    lock_root(actor.root_id)
    if grant.root_id != actor.root_id:
        raise NotYours()
    actor.require(Act.GRANTS_VIEW, grant.unit)
    if not may_revoke(actor, grant):
        raise Forbidden()
    return len(revoke_all(actor, [grant.pk], why="revoked"))


def revoke_all(actor: Actor, numbers: Iterable[int], *, why: str) -> list[int]:
    """Those grants and all lent on from them are revoked by one statement; the caller holds the lock and has judged."""
    revoked = db.raw().execute(
        sql.load("majung.tree", "grants", "revoke"),
        {
            "grants": list(numbers),
            "root": actor.root_id,
            "at": clock.now(),
            "by": actor.user.pk if actor.user else None,
        },
    )
    found = [number for (number,) in revoked.fetchall()]
    if found:
        record_all(actor, "tree.grant_revoked", Grant.objects.filter(pk__in=found), why=why)
        write(
            actor, "tree.grants_revoked", object_kind="grant", object_id=min(found), facts={"why": why, "n": len(found)}
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What taking back one grant will stop."""

    grants: tuple[Grant, ...]
    holders: int
    units: int
    campaigns: int


def preview_revoke(actor: Actor, grant: Grant) -> Stopped:
    """What ``revoke`` would stop now: the grants (the first is the grant itself), people, units, campaigns in hand."""
    actor.require(Act.GRANTS_VIEW, grant.unit)
    rows = db.raw().execute(sql.load("majung.tree", "grants", "lent_on"), {"grants": [grant.pk]}).fetchall()
    numbers = [number for (number,) in rows]
    grants = tuple(
        Grant.objects.filter(pk__in=numbers)
        .select_related("unit", "user", "api_key", "invitation")
        .order_by("unit__path", "pk")
    )
    held = Reservation.objects.filter(root_id=grant.root_id, state=Reservation.State.HELD, grants__overlap=numbers)
    return Stopped(
        grants=tuple(sorted(grants, key=lambda g: (g.pk != grant.pk, g.unit.path, g.pk))),
        holders=len({(g.user_id, g.api_key_id, g.invitation_id) for g in grants}),
        units=len({g.unit_id for g in grants}),
        campaigns=held.count(),
    )
