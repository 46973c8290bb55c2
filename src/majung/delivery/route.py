"""Who gets the message through which channel: the route of each home unit, and the first channel that may (M4).

Pure: works on sets that its caller looks up, so the freeze (SQL), the estimate (bitmaps), a later wave and the question
about one person all run this very code. What a route is: docs/decisions/0003-route.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from pyroaring import BitMap

MOST_AHEAD = 8
"""Channels further along a route of which a chunk remembers whether they are free: a bit each."""
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
    """Disjoint sets that together are everyone who was asked about: by channel, and by the reason of leaving out.

    ``off_route`` are those of ``by_channel`` whose channel belongs neither to their home unit nor to one above it.
    """

    by_channel: dict[int, BitMap] = field(default_factory=dict)
    off_route: BitMap = field(default_factory=BitMap)
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
        self.units, self._top = units, scope_path[:STEP]
        self._of_path: dict[str, list[Stop]] = {}
        for stop in sorted(self.stops.values(), key=lambda stop: (stop.unit_code, stop.channel_id)):
            self._of_path.setdefault(stop.unit_path, []).append(stop)
        self.near = cache(self._near)
        self.far = cache(self._far)

    def route(self, home: int | None) -> Route:
        """The whole route of a home unit."""
        return Route(near=self.near(home), far=self.far(home))

    def ahead(self, channel_id: int) -> tuple[int, ...]:
        """The channels that follow it on the route of those at home in its unit or below, the next one first."""
        near = self.near(self.stops[channel_id].unit_id)
        return near[near.index(channel_id) + 1 :][:MOST_AHEAD]

    def _path(self, home: int | None) -> str:
        return self._top if home is None else self.units.get(home, self._top)

    def _near(self, home: int | None) -> tuple[int, ...]:
        path = self._path(home)
        above = (path[:end] for end in range(len(path), 0, -STEP))
        return tuple(stop.channel_id for one in above for stop in self._of_path.get(one, ()))

    def _far(self, home: int | None) -> tuple[int, ...]:
        path = self._path(home)
        others = [stop for stop in self.stops.values() if not path.startswith(stop.unit_path)]
        others.sort(key=lambda stop: (distance(path, stop.unit_path), stop.unit_code, stop.channel_id))
        return tuple(stop.channel_id for stop in others)


Verdicts = Sequence[tuple[str, BitMap]]
"""Reasons in order, each with the people it denies."""
Denials = Callable[[int, BitMap], Verdicts]
"""Of some people, who is denied on a channel: reasons in order; only the people asked about need be right."""
Friends = Callable[[int, BitMap], BitMap]
"""Of some people, who is known to have added a channel."""


def assign(homes: Mapping[int | None, BitMap], router: Router, denials: Denials, friends: Friends) -> Assigned:
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
            if people and level < len(near := router.near(home)):
                asked.setdefault(near[level], []).append(home)
        if not asked:
            break
        for channel_id, of_homes in asked.items():
            people = BitMap.union(BitMap(), *(waiting[home] for home in of_homes))
            allowed = pass_channel(channel_id, people, denials(channel_id, people))
            for home in of_homes:
                waiting[home] -= allowed
        level += 1

    rest = BitMap.union(BitMap(), *waiting.values())
    if rest:
        known = {channel_id: hit for channel_id in router.stops if (hit := friends(channel_id, rest))}
        verdicts = {channel_id: denials(channel_id, hit) for channel_id, hit in known.items()}
        for home in waiting:
            for channel_id in router.far(home):
                if not waiting[home]:
                    break
                if channel_id in known and (people := waiting[home] & known[channel_id]):
                    allowed = pass_channel(channel_id, people, verdicts[channel_id])
                    done.off_route.update(allowed)
                    waiting[home] -= allowed
    rest = BitMap.union(BitMap(), *waiting.values())
    done.left_out = {reason: hit for reason, people in done.left_out.items() if (hit := people & rest)}
    done.placeless = rest - reasoned
    return done
