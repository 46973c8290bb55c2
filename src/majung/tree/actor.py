"""The actor: whoever acts, with the grants held now. Every object check in the product goes through here."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.core.exceptions import ValidationError
from django.db.models import CharField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet

from majung.accounts.models import ApiKey, User
from majung.core import clock
from majung.core.errors import Forbidden, NotYours
from majung.tree import rules
from majung.tree.enums import Act, UnitState
from majung.tree.models import Grant, Unit


@dataclass(frozen=True)
class Actor:
    """A user, an API key or the system, inside one organisation, holding ``grants`` that are in force."""

    root_id: int
    grants: tuple[Grant, ...] = ()
    user: User | None = None
    api_key: ApiKey | None = None
    is_system: bool = False

    @property
    def kind(self) -> str:
        """``user``, ``api_key`` or ``system``: for logs and the activity stream."""
        return "system" if self.is_system else "api_key" if self.api_key else "user"

    @property
    def number(self) -> int | None:
        """The user's or key's number; None for the system."""
        holder = self.user or self.api_key
        return None if holder is None else holder.pk

    @cached_property
    def acts(self) -> frozenset[str]:
        """Every act that some grant lends, wherever."""
        return frozenset(Act) if self.is_system else frozenset(act for grant in self.grants for act in grant.acts)

    def may(self, act: Act, unit: Unit) -> bool:
        """Whether ``act`` was lent at ``unit``. Never across organisations."""
        return self.grant_for(act, unit) is not None or (self.is_system and unit.root_id == self.root_id)

    def grant_for(self, act: Act, unit: Unit) -> Grant | None:
        """The widest grant that lends ``act`` at ``unit``: the one nearest the top of the tree, then the oldest."""
        return next(iter(self.grants_for(act, unit)), None)

    def grants_for(self, act: Act, unit: Unit) -> list[Grant]:
        """Every grant that lends ``act`` at ``unit``, the widest first."""
        if unit.root_id != self.root_id:
            return []
        fitting = [g for g in self.grants if act in g.acts and covers(g, unit)]
        return sorted(fitting, key=lambda g: (g.unit.depth, not g.covers_subtree, g.pk))

    def sees(self, unit: Unit) -> bool:
        """Whether any grant reaches ``unit``."""
        return self.may(Act.TREE_VIEW, unit)

    def require(self, act: Act, unit: Unit) -> None:
        """Raises NotYours for a unit out of sight, Forbidden for one in sight where ``act`` was not lent."""
        if self.may(act, unit):
            return
        raise Forbidden() if self.sees(unit) else NotYours()

    def units(self, act: Act = Act.TREE_VIEW) -> QuerySet[Unit]:
        """The units at which ``act`` was lent, in tree order."""
        everything: QuerySet[Unit] = Unit.objects.filter(root_id=self.root_id).order_by("path")
        if self.is_system:
            return everything
        reach = Q(pk__in=[])
        for grant in self.grants:
            if act in grant.acts:
                reach |= Q(path__startswith=grant.unit.path) if grant.covers_subtree else Q(pk=grant.unit_id)
        return everything.filter(reach)

    def reaches(self, act: Act, unit_id: int, path: str) -> bool:
        """Whether ``act`` was lent at that unit of the actor's organisation: what ``units`` asks of the database."""
        return self.is_system or any(
            rules.is_below(path, grant.unit.path) if grant.covers_subtree else unit_id == grant.unit_id
            for grant in self.grants
            if act in grant.acts
        )

    def unit(self, public_id: object, act: Act = Act.TREE_VIEW) -> Unit:
        """The unit with that public id, if ``act`` was lent there. Raises NotYours or Forbidden."""
        try:
            rows = Unit.objects.filter(root_id=self.root_id, public_id=public_id)
        except ValidationError:
            raise NotYours() from None
        found: Unit | None = rows.select_related("kind", "entity").first()
        if found is None:
            raise NotYours()
        self.require(act, found)
        return found

    @cached_property
    def is_blind(self) -> bool:
        """Whether people are hidden from this actor everywhere: counts are rounded, lists and reveals closed (T5)."""
        return not self.is_system and Act.PEOPLE_VIEW not in self.acts


def covers(grant: Grant, unit: Unit) -> bool:
    """Whether ``grant`` reaches ``unit``; needs ``grant.unit``."""
    return rules.is_below(unit.path, grant.unit.path) if grant.covers_subtree else unit.pk == grant.unit_id


def grants_in_force(holder: Q) -> QuerySet[Grant]:
    """Grants of ``holder`` that are in force now: begun, not ended, not revoked, at a unit that works.

    A unit works while it and every unit above it is active. The chain above needs no look here: a grant never begins
    before or outlives its parent, and a revocation has reached all below it when it commits.
    """
    now = clock.now()
    stopped = (
        Unit.objects.alias(place=ExpressionWrapper(OuterRef("unit__path"), output_field=CharField()))
        .filter(root=OuterRef("root"), place__startswith=F("path"))
        .exclude(state=UnitState.ACTIVE)
    )
    return (
        Grant.objects.filter(holder, starts_at__lte=now, revoked_at__isnull=True)
        .filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now))
        .filter(~Exists(stopped))
        .select_related("unit", "unit__kind", "unit__entity", "root")
        .order_by("pk")
    )


def actor_of_user(user: User, root_id: int | None = None) -> Actor | None:
    """The actor that ``user`` is in one organisation (default: the first one held). None without any grant."""
    return _actor(grants_in_force(Q(user=user)), root_id, user=user)


def actor_of_key(key: ApiKey) -> Actor | None:
    """The actor that an API key is. None when nothing is lent to it any more."""
    return _actor(grants_in_force(Q(api_key=key)), None, api_key=key)


def system_actor(root_id: int) -> Actor:
    """The platform itself inside one organisation: scheduled work, imports going on, webhooks."""
    return Actor(root_id=root_id, is_system=True)


def _actor(
    grants: Iterable[Grant], root_id: int | None, *, user: User | None = None, api_key: ApiKey | None = None
) -> Actor | None:
    held = list(grants)
    root = root_id if root_id is not None else next((g.root_id for g in held), None)
    mine = tuple(g for g in held if g.root_id == root)
    return Actor(root_id=mine[0].root_id, grants=mine, user=user, api_key=api_key) if mine else None
