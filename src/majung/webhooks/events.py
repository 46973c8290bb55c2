"""What bodies say: out of entries of the stream, for one endpoint. Ids that the API knows, and counts; no names, no numbers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from majung.activity.stream import Entry
from majung.campaigns.models import Campaign
from majung.channels.models import Channel
from majung.core import db
from majung.crowd import catalogue, evaluate
from majung.crowd.expression import Leaf
from majung.tree.models import Unit
from majung.webhooks.enums import SOURCES, Event
from majung.webhooks.models import Endpoint

MOST_PEOPLE = 500
"""More people in one event (a list of a million) are told as a number alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One body for one endpoint, and the last entry it comes from."""

    event: str
    caused_by: int | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Public ids of what entries speak of, by number; units with their place in the tree."""

    units: Mapping[int, tuple[str, str]]
    campaigns: Mapping[int, str]
    channels: Mapping[int, tuple[str, int]]


def body(event: str, at: datetime, facts: Mapping[str, Any]) -> bytes:
    """A body as it is signed and sent."""
    told = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps({"type": event, "timestamp": told, "data": facts})


def named(entries: Sequence[Entry]) -> Named:
    """The public ids that any of ``entries`` needs, in three questions."""

    def objects(kind: str) -> set[int]:
        return {entry.object_id for entry in entries if entry.object_kind == kind and entry.object_id is not None}

    channels = {
        pk: (str(public_id), unit)
        for pk, public_id, unit in Channel.objects.filter(pk__in=objects("channel")).values_list(
            "pk", "public_id", "unit"
        )
    }
    wanted = {entry.unit_id for entry in entries} | {unit for _, unit in channels.values()}
    units = Unit.objects.filter(pk__in=wanted - {None}).values_list("pk", "public_id", "path")
    campaigns = Campaign.objects.filter(pk__in=objects("campaign")).values_list("pk", "public_id")
    return Named(
        units={pk: (str(public_id), path) for pk, public_id, path in units},
        campaigns={pk: str(public_id) for pk, public_id in campaigns},
        channels=channels,
    )


def told(endpoint: Endpoint, entries: Sequence[Entry], names: Named) -> list[Told]:
    """What ``endpoint`` is to be told of ``entries`` (of its root), in their order; friends are counted channel by channel."""
    wanted = [entry for entry in entries if SOURCES[entry.kind] in endpoint.events]
    found = []
    for entry in wanted:
        event = SOURCES[entry.kind]
        if event in (Event.PEOPLE_JOINED, Event.PEOPLE_REFUSED):
            facts = _people(endpoint, entry)
        elif event is Event.FRIENDS_CHANGED:
            continue
        else:
            facts = _campaign(endpoint, entry, names)
        if facts is not None:
            found.append(Told(event=event, caused_by=entry.cursor.seq, body=body(event, entry.at, facts)))
    return found + _friends(endpoint, wanted, names)


def _is_below(endpoint: Endpoint, path: str) -> bool:
    return path.startswith(endpoint.unit.path) if endpoint.covers_subtree else path == endpoint.unit.path


def _campaign(endpoint: Endpoint, entry: Entry, names: Named) -> dict[str, Any] | None:
    unit, path = names.units.get(entry.unit_id or 0, ("", ""))
    campaign = names.campaigns.get(entry.object_id or 0)
    if not unit or campaign is None or not _is_below(endpoint, path):
        return None
    facts: dict[str, Any] = {"campaign": campaign, "unit": unit, "happened": entry.kind.removeprefix("campaigns.")}
    if entry.kind == "campaigns.paused":
        facts["reason"] = entry.facts.get("reason", "asked")
    if entry.kind == "campaigns.finished":
        facts |= {"messages": entry.facts.get("messages"), "cost_krw": (entry.facts.get("centiwon") or 0) / 100}
    return facts


def _people(endpoint: Endpoint, entry: Entry) -> dict[str, Any] | None:
    """Those of the entry's people with whom the endpoint's unit has to do, as they stand now."""
    asked = entry.people or ([] if entry.person_id is None else [entry.person_id])
    catalogue.load()
    scope = Leaf("scope" if endpoint.covers_subtree else "here", (endpoint.unit_id,))
    people = sorted(evaluate.holds_many(db.raw(), endpoint.root_id, scope, asked)) if asked else []
    if not people:
        return None
    listed = people if len(people) <= MOST_PEOPLE else []
    facts: dict[str, Any] = {"count": len(people), "people": listed, "is_listed": bool(listed)}
    if entry.kind == "consent.refused":
        facts["media"] = entry.facts.get("media", [])
    return facts


def _friends(endpoint: Endpoint, entries: Iterable[Entry], names: Named) -> list[Told]:
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    last: dict[int, Entry] = {}
    for entry in entries:
        channel_number = entry.object_id or 0
        if SOURCES[entry.kind] is Event.FRIENDS_CHANGED and channel_number in names.channels:
            counted[channel_number][entry.kind] += 1
            last[channel_number] = entry
    found = []
    for number, counts in counted.items():
        channel, unit_number = names.channels[number]
        unit, path = names.units[unit_number]
        if not _is_below(endpoint, path):
            continue
        facts = {"channel": channel, "unit": unit, "added": counts["channels.added"],
                 "blocked": counts["channels.blocked"]}  # fmt: skip
        at, seq = last[number].at, last[number].cursor.seq
        found.append(Told(event=Event.FRIENDS_CHANGED, caused_by=seq, body=body(Event.FRIENDS_CHANGED, at, facts)))
    return found
