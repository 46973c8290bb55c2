"""What the organisation page shows of this room: each unit's channel, how far it has come, and its friends (T6, F1)."""

from collections.abc import Mapping, Sequence
from typing import Any

from majung.channels import queries
from majung.channels.enums import ChannelState
from majung.channels.models import Channel
from majung.tree import slots
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit
from majung.ui import text
from majung.ui.values import Column, Status

COLUMNS = (
    Column(key="channel", label="채널", kind="status"),
    Column(key="friends", label="친구", kind="number", unit="명"),
)


def _of(actor: Actor, units: Sequence[Unit]) -> dict[int, list[Channel]]:
    """The channels of these units that are in use and in sight, by unit."""
    found: dict[int, list[Channel]] = {}
    if Act.CHANNELS_VIEW in actor.acts:
        mine = queries.channels_of(actor).filter(unit__in=[unit.pk for unit in units], state=ChannelState.ACTIVE)
        for channel in mine:
            found.setdefault(channel.unit_id, []).append(channel)
    return found


def _friends(actor: Actor, channels: Sequence[Channel], counted: Mapping[int, tuple[int, int]]) -> int:
    """Friends of all of them; the blind know tens (T5)."""
    friends = sum(counted.get(channel.pk, (0, 0))[0] for channel in channels)
    return friends // 10 * 10 if actor.is_blind else friends


def cells(actor: Actor, units: Sequence[Unit]) -> dict[int, dict[str, Any]]:
    """Health of each unit's first channel and friends of all; in as many queries for one unit as for a thousand."""
    by_unit = _of(actor, units)
    every = [channel for channels in by_unit.values() for channel in channels]
    health, counted = queries.health_of(every), queries.friends_of(every)
    rows = {}
    for unit, channels in by_unit.items():
        first = health[channels[0].pk]
        word = f"{first.word} 외 {len(channels) - 1}곳" if len(channels) > 1 else first.word
        rows[unit] = {
            "channel": Status(word=word, tone="" if first.tone == "ok" else first.tone),
            "pips": first.pips,
            "friends": _friends(actor, channels, counted),
        }
    return rows


def facts(actor: Actor, unit: Unit) -> list[tuple[str, str]]:
    """The unit's channels by name, and their friends."""
    channels = _of(actor, [unit]).get(unit.pk, [])
    if not channels:
        return [("채널", "없음")] if Act.CHANNELS_VIEW in actor.acts else []
    health, friends = queries.health_of(channels), _friends(actor, channels, queries.friends_of(channels))
    return [
        *((("채널", f"{one.name}{f' {one.search_id}' if one.search_id else ''} · {health[one.pk].word}")) for one in channels),
        ("친구", "10명 미만" if actor.is_blind and friends < 10 else f"{text.number(friends)}명"),
    ]  # fmt: skip


def join() -> None:
    """The organisation page knows the room."""
    slots.add(slots.Slot(name="channels", columns=COLUMNS, cells=cells, facts=facts))
