"""The next wave: whoever is not a friend of the channel that was tried goes to the next one of the route, counted once (M4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from majung.channels import friends
from majung.channels.adapters.terms import Kind
from majung.channels.friends import FriendState, How
from majung.core import clock, copying
from majung.crowd.bits import bitmap
from majung.delivery import lookup, packing, sealed
from majung.delivery.handover import Hands
from majung.delivery.ledger import Chunk, Dispatch, run
from majung.delivery.outcomes import MOVED_ON, NOT_A_FRIEND, OUT_OF_HOURS, WAITED
from majung.delivery.planner import CHUNK_COLUMNS, chunk_row, friend_leaf, pieces, split
from majung.delivery.route import Assigned, Router, assign
from majung.delivery.sealed import Column
from majung.policy import times

_LAST_WAVE = 32_000
MOST_WAVES = 20
"""Nobody is tried more often, whatever the dealer says."""
TOO_LATE = "대행사가 받지 않는 시간이라, 남은 사람에게는 아침에 다시 보냅니다."

_LOWEST = np.array([0, *((bits & -bits).bit_length() - 1 for bits in range(1, 256))], np.uint8)
"""By open_ahead byte: the place of its lowest bit, which is the nearest channel that is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """A chunk of the next wave: its people in order, and for each the parent (by its place in the group) and position.

    ``parent_chunk`` is the one parent of a chunk of texts (``fallback``).
    """

    channel_id: int
    off_route: bool
    wave: int
    people: packing.People
    parents: NDArray[np.int64]
    seqs: NDArray[np.int64]
    ahead: tuple[int, ...]
    open_ahead: NDArray[np.uint8]
    message_kind: Kind
    unit_centiwon: int
    parent_chunk: int | None = None


@dataclass(slots=True)
class _Moving:
    """Everybody of a group who was just told not to be a friend, in order of person, and where each goes (0: nowhere)."""

    people: packing.People
    parents: NDArray[np.int64]
    seqs: NDArray[np.int64]
    open_ahead: NDArray[np.uint8]
    to: NDArray[np.int64]
    off_route: NDArray[np.bool_]

    @classmethod
    def of(cls, chunks: list[Chunk], fresh: dict[int, NDArray[np.int64]]) -> "_Moving | None":
        """None when there is nobody."""
        told = {}
        for place, chunk in enumerate(chunks):
            cells, at = np.frombuffer(chunk.outcome, np.uint8), fresh[chunk.chunk_no]
            if len(some := at[cells[at] == NOT_A_FRIEND]):
                told[place] = some
        if not told:
            return None
        people = np.concatenate([chunks[place].people[some] for place, some in told.items()])
        bits = [np.frombuffer(chunks[place].open_ahead or bytes(len(chunks[place].people)), np.uint8) for place in told]
        order = np.argsort(people)
        return cls(
            people=people[order],
            parents=np.repeat(list(told), [len(some) for some in told.values()])[order],
            seqs=np.concatenate(list(told.values()))[order],
            open_ahead=np.concatenate([cells[some] for cells, some in zip(bits, told.values(), strict=True)])[order],
            to=np.zeros(len(people), np.int64),
            off_route=np.zeros(len(people), np.bool_),
        )


def plan(
    hands: Hands, found: Dispatch, chunks: list[Chunk], fresh: dict[int, NDArray[np.int64]], now: datetime
) -> list[Next]:
    """Where everybody goes who was newly told something that is not the last word: marked in the chunks."""
    return [*_to_the_next_channel(hands, found, chunks, fresh, now), *_to_the_morning(hands, found, chunks, fresh, now)]


def _to_the_morning(
    hands: Hands, found: Dispatch, chunks: list[Chunk], fresh: dict[int, NDArray[np.int64]], now: datetime
) -> list[Next]:
    """Whom the dealer would not take at this hour is tried again on the same channel, and the dispatch waits for the morning.

    It happens where clocks differ, or where the dealer's day is shorter than was said.
    """
    planned = []
    for place, chunk in enumerate(chunks):
        at = fresh[chunk.chunk_no]
        late = at[np.frombuffer(chunk.outcome, np.uint8)[at] == OUT_OF_HOURS]
        if len(late) and chunk.parent_chunk is None and chunk.wave < MOST_WAVES:
            ahead = np.frombuffer(chunk.open_ahead or bytes(len(chunk.people)), np.uint8)
            planned.append(
                Next(
                    channel_id=chunk.channel_id, off_route=chunk.off_route, wave=chunk.wave + 1, people=chunk.people[late],
                    parents=np.full(len(late), place), seqs=late, ahead=chunk.ahead, open_ahead=ahead[late],
                    message_kind=found.template.kind, unit_centiwon=found.unit_centiwon,
                )
            )  # fmt: skip
            np.frombuffer(chunk.outcome, np.uint8)[late] = WAITED
    if planned:
        # The morning after the hand-over: what is only heard of when the day has come does not wait for another one.
        tried = sorted({chunks[place].chunk_no for one in planned for place in one.parents.tolist()})
        [(handed,)] = run(hands.connection, "last_handed", campaign=found.campaign_id, chunks=tried).fetchall()
        opens = times.next_at(handed or now, times.KAKAO_FROM)
        run(hands.connection, "hold", campaign=found.campaign_id, until=opens, problem=TOO_LATE)
    return planned


def _to_the_next_channel(
    hands: Hands, found: Dispatch, chunks: list[Chunk], fresh: dict[int, NDArray[np.int64]], now: datetime
) -> list[Next]:
    """Whoever was newly told "not a friend" is marked as moved on where the route has a lawful channel left.

    The freeze has written down which channels further along are free. Who has none of them left is asked for: a channel
    elsewhere may know this person as a friend.
    """
    moving = _Moving.of(chunks, fresh) if found.stops else None
    if moving is None:
        return []
    ahead = _go_ahead(moving, chunks)
    for place in np.unique(moving.parents[moving.to > 0]).tolist():
        chunks[place].is_told = True
    if len(rest := np.flatnonzero(moving.to == 0)):
        _ask(hands, found, chunks, moving, rest, now)
    planned: list[Next] = []
    made = hands.account(found.account_id).adapter
    most = made.people_per_chunk or made.people_per_request
    waves = np.array([chunk.wave for chunk in chunks])[moving.parents]
    going = np.flatnonzero(moving.to)
    keys = np.stack((moving.to, moving.off_route, waves))[:, going]
    for channel_id, off_route, wave in np.unique(keys, axis=1).T.tolist():
        here = going[(keys[0] == channel_id) & (keys[1] == off_route) & (keys[2] == wave)]
        planned += [
            Next(
                channel_id=channel_id, off_route=bool(off_route), wave=wave + 1, people=moving.people[some],
                parents=moving.parents[some], seqs=moving.seqs[some], ahead=() if off_route else ahead.get(channel_id, ()),
                open_ahead=moving.open_ahead[some], message_kind=found.template.kind, unit_centiwon=found.unit_centiwon,
            )
            for some in pieces(here, min(most, max(len(chunk.people) for chunk in chunks)))
        ]  # fmt: skip
    for one in planned:
        for place in np.unique(one.parents).tolist():
            np.frombuffer(chunks[place].outcome, np.uint8)[one.seqs[one.parents == place]] = MOVED_ON
    return planned


def _go_ahead(moving: _Moving, chunks: list[Chunk]) -> dict[int, tuple[int, ...]]:
    """Give everybody the nearest channel that was free at the freeze. Returns what lies ahead of each such channel."""
    ahead: dict[int, tuple[int, ...]] = {}
    steps = _LOWEST[moving.open_ahead]
    moves = np.flatnonzero(moving.open_ahead)
    for place in np.unique(moving.parents[moves]).tolist():
        here, channels = moves[moving.parents[moves] == place], chunks[place].ahead
        moving.to[here] = np.array(channels)[steps[here]]
        for step in np.unique(steps[here]).tolist():
            # All routes over a channel go on alike; from further below less of it may be remembered.
            ahead[channels[step]] = max(channels[step + 1 :], ahead.get(channels[step], ()), key=len)
    moving.open_ahead[moves] = moving.open_ahead[moves] >> (steps[moves] + 1)
    return ahead


def _ask(
    hands: Hands, found: Dispatch, chunks: list[Chunk], moving: _Moving, rest: NDArray[np.int64], now: datetime
) -> None:
    """Give those at ``rest`` the channel that the database tells, if any. Noted first, so that what was tried denies by itself."""
    moving.open_ahead[rest] = 0
    tried = np.array([chunk.channel_id for chunk in chunks])[moving.parents[rest]]
    people = moving.people[rest]
    friends.observe_pairs(
        hands.connection, found.root_id, people, tried.tolist(), FriendState.NOT_A_FRIEND, now, How.SENDING
    )
    groups = [
        (chunks[place], people[moving.parents[rest] == place]) for place in np.unique(moving.parents[rest]).tolist()
    ]
    assigned = _route(hands, found, groups)
    for channel_id, off_route, some in split(assigned.by_channel, assigned.off_route):
        at = rest[np.searchsorted(people, some)]
        moving.to[at], moving.off_route[at] = channel_id, off_route


def _route(hands: Hands, found: Dispatch, moving: list[tuple[Chunk, packing.People]]) -> Assigned:
    """The next channel of each person who has one: from the channel that was tried, on along the route.

    A chunk's people are at home in the unit of its channel or below, so their route goes on above it; only who was sent
    off the route has to be asked for the home.
    """
    connection, now = hands.connection, clock.now()
    router = _router(hands, found)
    homes: dict[int | None, BitMap] = {}
    strays = []
    for chunk, people in moving:
        stop = router.stops.get(chunk.channel_id)
        if stop is None or chunk.off_route:
            strays.append(people)
        else:
            homes.setdefault(stop.unit_id, BitMap()).update(bitmap(people.astype(np.uint32)))
    if strays:
        for home, of in run(connection, "homes", people=np.concatenate(strays)).fetchall():
            homes.setdefault(home, BitMap()).update(bitmap(of.astype(np.uint32)))
    asked = np.concatenate([people for _, people in moving])
    rows = [
        (channel, state, bitmap(of.astype(np.uint32)))
        for channel, state, of in run(connection, "friendships", people=asked).fetchall()
    ]
    others = lookup.by_sql(connection, found.root_id, BitMap.union(BitMap(), *homes.values()))
    sets = lookup.Sets(lookup.by_friendships(others, rows), clock.seoul(now).date())

    def denied(channel_id: int, of: BitMap) -> list[tuple[str, BitMap]]:
        rules = hands.known.bench.rules(found, channel_id, now)
        return [(rule.code, sets.within(expression, of)) for rule, expression in rules.on_channel]

    def friends(channel_id: int, of: BitMap) -> BitMap:
        return sets.within(friend_leaf(router.stops[channel_id]), of)

    return assign(homes, router, denied, friends)


def _router(hands: Hands, found: Dispatch) -> Router:
    """The campaign's router, kept as long as no unit moves."""
    units: dict[int, str] = dict(run(hands.connection, "units", root=found.root_id).fetchall())
    known = hands.known.routers.get(found.campaign_id)
    if known is None or known.units != units:
        known = hands.known.routers[found.campaign_id] = Router(found.stops, units, units[found.scope_unit_id])
    return known


def again(hands: Hands, found: Dispatch, chunk: Chunk, places: NDArray[np.int64]) -> int:
    """Those at ``places`` have certainly not been sent: they stand in a further chunk on the same channel, and here they wait.

    Within the transaction that writes the chunk's outcome. Returns the further chunk's number, 0 when there is nobody.
    """
    if not len(places):
        return 0
    facts = {"campaign": found.campaign_id, "chunk": chunk.chunk_no}
    [(off_route, ahead, open_ahead)] = run(hands.connection, "ahead", **facts).fetchall()
    bits = np.frombuffer(open_ahead or bytes(len(chunk.people)), np.uint8)
    planned = Next(
        channel_id=chunk.channel_id, off_route=off_route, wave=min(chunk.wave + 1, _LAST_WAVE), people=chunk.people[places],
        parents=np.zeros(len(places), np.int64), seqs=places, ahead=tuple(ahead), open_ahead=bits[places],
        message_kind=found.template.kind, unit_centiwon=found.unit_centiwon, parent_chunk=chunk.parent_chunk,
    )  # fmt: skip
    np.frombuffer(chunk.outcome, np.uint8)[places] = WAITED
    [(first,)] = run(hands.connection, "numbers", campaign=found.campaign_id, fresh=1).fetchall()
    write(hands, found, [chunk], [planned], first)
    return int(first)


def write(hands: Hands, found: Dispatch, chunks: list[Chunk], planned: list[Next], first: int) -> None:
    """The planned chunks stand in the ledger, numbered from ``first``, with the sealed values of their parents."""
    root, campaign, sealer = found.root_id, found.campaign_id, hands.sealer
    asked = {chunks[place].chunk_no: chunks[place] for one in planned for place in np.unique(one.parents).tolist()}
    parents = {number: chunk.opened for number, chunk in asked.items() if chunk.opened is not None}
    if rest := sorted(asked.keys() - parents.keys()):
        for number, values in run(hands.connection, "sealed", campaign=campaign, chunks=rest).fetchall():
            parents[number] = sealed.opened(sealer, root, campaign, number, values, len(asked[number].people))
    written = [
        chunk_row(
            campaign=campaign, chunk=number, wave=one.wave, root=root, channel=one.channel_id, message_kind=one.message_kind,
            unit_centiwon=one.unit_centiwon, parent=one.parent_chunk, off_route=one.off_route, people=one.people,
            sealed=sealed.seal(sealer, root, campaign, number, _columns(parents, chunks, one)),
            watermark=min(chunks[place].watermark for place in np.unique(one.parents).tolist()),
            ahead=one.ahead, open_ahead=one.open_ahead.tobytes(),
        )
        for number, one in enumerate(planned, start=first)
    ]  # fmt: skip
    copying.copy_rows(hands.connection, "campaign_chunk", CHUNK_COLUMNS, written)


def _columns(parents: Mapping[int, list[Column]], chunks: list[Chunk], one: Next) -> list[bytes]:
    """The values of a planned chunk's people, taken from its parents."""
    numbers = [chunks[place].chunk_no for place in one.parents.tolist()]
    seqs = one.seqs.tolist()
    return [
        sealed.column([parents[number][kind][seq] for number, seq in zip(numbers, seqs, strict=True)])
        for kind in range(len(parents[numbers[0]]))
    ]
