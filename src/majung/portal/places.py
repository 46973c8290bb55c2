"""The public side of units: which have a page, their channels as buttons, the way up, and neighbours to choose from."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from majung.channels.enums import AccountState, ChannelState, Mode
from majung.channels.models import Channel, DealerProfile
from majung.consent.queries import above
from majung.core.errors import NotYours
from majung.tree.enums import UnitState
from majung.tree.models import Unit
from majung.ui.values import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A channel one can add: its name, address, whether that is the sandbox, and its counted friends."""

    name: str
    url: str
    is_sandbox: bool
    friends: int | None


def unit_page(public_id: UUID) -> Unit:
    """The working unit with that public id. Raises NotYours; a suspended or closed unit has no page."""
    found: Unit | None = (
        Unit.objects.filter(public_id=public_id, state=UnitState.ACTIVE)
        .select_related("root", "kind", "entity")
        .first()
    )
    if found is None:
        raise NotYours()
    return found


def doors(unit: Unit) -> tuple[Unit, list[Door]]:
    """The channels to add at this unit; those of the nearest unit above when it has none of its own. And whose they are."""
    chain = list(
        Unit.objects.filter(root_id=unit.root_id, path__in=above(unit), state=UnitState.ACTIVE).order_by("-path")
    )
    channels = list(
        Channel.objects.filter(root_id=unit.root_id, unit__in=chain, state=ChannelState.ACTIVE)
        .exclude(profile_id="")
        .order_by("pk")
    )
    for place in chain:
        own = [channel for channel in channels if channel.unit_id == place.pk]
        if own:
            live = _live(own)
            return place, [_door(channel, is_live=channel.pk in live) for channel in own]
    return unit, []


def _live(channels: list[Channel]) -> set[int]:
    """Those not known to a sandbox account alone: a channel nobody sends through yet opens in the messenger itself."""
    modes: dict[int, set[str]] = {}
    rows = DealerProfile.objects.filter(channel__in=channels).exclude(account__state=AccountState.CLOSED)
    for channel_id, mode in rows.values_list("channel_id", "account__mode"):
        modes.setdefault(channel_id, set()).add(mode)
    return {channel.pk for channel in channels if modes.get(channel.pk) != {Mode.SANDBOX}}


def _door(channel: Channel, *, is_live: bool) -> Door:
    messenger = f"https://pf.kakao.com/{quote(channel.profile_id)}/friend"
    sandbox = f"{settings.SANDBOX_URL.rstrip('/')}/?q={quote(channel.name)}"
    return Door(
        name=channel.name,
        url=messenger if is_live else sandbox,
        is_sandbox=not is_live,
        friends=channel.counted_friends,
    )


def way_up(unit: Unit) -> list[Step]:
    """From the top of the tree to this unit, each with its page."""
    chain = Unit.objects.filter(root_id=unit.root_id, path__in=above(unit), state=UnitState.ACTIVE).order_by("path")
    return [
        Step(
            label=place.name,
            state="now" if place.pk == unit.pk else "done",
            url="" if place.pk == unit.pk else reverse("portal:unit", args=[place.public_id]),
            note=f"대표 {place.leader}" if place.leader else "",
        )
        for place in chain
    ]


def districts(unit: Unit) -> list[tuple[str, list[tuple[str, str]]]]:
    """The units with a district to live in, of the same organisation and legal entity: (name above, [(public id, name)])."""
    places = Unit.objects.filter(root_id=unit.root_id, entity_id=unit.entity_id, state=UnitState.ACTIVE).order_by(
        "path"
    )
    names = {place.path: place.name for place in places}
    found: dict[str, list[tuple[str, str]]] = {}
    for place in places:
        if place.district_code:
            parent = names.get(place.path[: -Unit.steplen], "")
            found.setdefault(parent, []).append((str(place.public_id), place.name))
    return list(found.items())


def neighbours(unit: Unit, wanted: str) -> list[dict[str, Any]]:
    """Every working unit of the organisation whose name has ``wanted``, in tree order, for the list of places."""
    places = Unit.objects.filter(root_id=unit.root_id, state=UnitState.ACTIVE).select_related("kind").order_by("path")
    names = {place.path: place.name for place in places}
    return [
        {
            "name": place.name,
            "kind": place.kind.name,
            "above": names.get(place.path[: -Unit.steplen], ""),
            "id": place.public_id,
        }
        for place in places
        if not wanted or wanted in place.name.replace(" ", "")
    ]


def foot(unit: Unit) -> dict[str, str]:
    """What every page of a unit says of the organisation at its head and foot."""
    entity = unit.entity
    line = " · ".join(part for part in (entity.name, entity.address, unit.phone or entity.phone) if part)
    return {"org_name": unit.root.name, "org_line": line}
