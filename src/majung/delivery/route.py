"""Who gets the message through which channel: the route of each home unit, and the first channel that may (M4).

Pure: works on sets that its caller looks up, so the freeze (SQL), the estimate (bitmaps), a later wave and the question
about one person all run this very code. What a route is: docs/decisions/0003-route.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from pyroaring import BitMap

STEP = 4
"""Characters of treebeard's path for one level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A channel that can be used, and the unit it belongs to."""

    channel_id: int
    unit_id: int
    unit_path: str
    unit_code: str
    entity_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The channels of a home unit. ``near``: its own, then its ancestors'; ``far``: all others, nearest first."""

    near: tuple[int, ...]
    far: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Assigned:
    """Disjoint sets that together are everyone who was asked about: by channel, and by the reason of leaving out."""

    by_channel: dict[int, BitMap] = field(default_factory=dict)
    left_out: dict[str, BitMap] = field(default_factory=dict)
    placeless: BitMap = field(default_factory=BitMap)

    def take(self, channel_id: int, people: BitMap) -> None:
        """Give ``people`` to a channel."""
        if people:
            self.by_channel.setdefault(channel_id, BitMap()).update(people)

    def leave(self, reason: str, people: BitMap) -> None:
        """Leave ``people`` out for ``reason``."""
        if people:
            self.left_out.setdefault(reason, BitMap()).update(people)


def distance(one: str, other: str) -> int:
    """Steps in the tree from the unit at path ``one`` to the unit at ``other``."""
    common = 0
    while one[common : common + STEP] == other[common : common + STEP] != "":
        common += STEP
    return (len(one) + len(other) - 2 * common) // STEP


class Router:
    """Routes inside one scope. ``units`` maps unit numbers to paths; only channels of the scope's subtree count.

    Who has no home unit is the top unit's, as in ``people.sets``.
    """

    def __init__(self, stops: Sequence[Stop], units: Mapping[int, str], scope_path: str) -> None:
        self.stops = {s.channel_id: s for s in stops if s.unit_path.startswith(scope_path)}
        self._units, self._scope_path = units, scope_path
        self.route = cache(self._route)

    def _route(self, home: int | None) -> Route:
        top = self._scope_path[:STEP]
        path = top if home is None else self._units.get(home, top)

        def key(stop: Stop) -> tuple[int, str, int]:
            return distance(path, stop.unit_path), stop.unit_code, stop.channel_id

        ordered = sorted(self.stops.values(), key=key)
        near = [s for s in ordered if path.startswith(s.unit_path)]
        return Route(
            near=tuple(s.channel_id for s in near),
            far=tuple(s.channel_id for s in ordered if not path.startswith(s.unit_path)),
        )


Verdicts = Sequence[tuple[str, BitMap]]
"""Reasons in order, each with the people it denies."""
Denials = Callable[[int, BitMap], Verdicts]
"""Of some people, who is denied on a channel: reasons in order; only the people asked about need be right."""
Ahead = Callable[[list[int]], None]
"""Told which channels will be asked about next, so that their sets can be read together."""
Friends = Callable[[int, BitMap], BitMap]
"""Of some people, who is known to have added a channel."""


def assign(
    homes: Mapping[int | None, BitMap], router: Router, denials: Denials, friends: Friends, *, ahead: Ahead | None = None
) -> Assigned:
    """Give each person of ``homes`` (disjoint, by home unit) the first channel of the route that may, or a reason.

    The reason is that of the nearest channel that denied; whoever has no channel to be denied by is ``placeless``.
    """
    done = Assigned()
    waiting = {home: BitMap(people) for home, people in homes.items() if people}
    reasoned = BitMap()

    def pass_channel(channel_id: int, asked: BitMap, verdicts: Verdicts) -> BitMap:
        """Take whoever of ``asked`` may have this channel; note the first reason of the others."""
        allowed = BitMap(asked)
        for reason, denied in verdicts:
            hit = allowed & denied
            done.leave(reason, hit - reasoned)
            reasoned.update(hit)
            allowed -= hit
        done.take(channel_id, allowed)
        return allowed

    level = 0
    while True:
        asked: dict[int, list[int | None]] = {}
        for home, people in waiting.items():
            if people and level < len(near := router.route(home).near):
                asked.setdefault(near[level], []).append(home)
        if not asked:
            break
        if ahead is not None:
            ahead(list(asked))
        for channel_id, of_homes in asked.items():
            people = BitMap.union(BitMap(), *(waiting[home] for home in of_homes))
            allowed = pass_channel(channel_id, people, denials(channel_id, people))
            for home in of_homes:
                waiting[home] -= allowed
        level += 1

    rest = BitMap.union(BitMap(), *waiting.values())
    if rest:
        known = {channel_id: hit for channel_id in router.stops if (hit := friends(channel_id, rest))}
        if ahead is not None:
            ahead(list(known))
        verdicts = {channel_id: denials(channel_id, hit) for channel_id, hit in known.items()}
        for home in waiting:
            for channel_id in router.route(home).far:
                if not waiting[home]:
                    break
                if channel_id in known and (people := waiting[home] & known[channel_id]):
                    waiting[home] -= pass_channel(channel_id, people, verdicts[channel_id])
    rest = BitMap.union(BitMap(), *waiting.values())
    done.left_out = {reason: hit for reason, people in done.left_out.items() if (hit := people & rest)}
    done.placeless = rest - reasoned
    return done
