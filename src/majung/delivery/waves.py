"""The next wave: whoever is not a friend of the channel that was tried goes to the next one of the route, counted once (M4)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from majung.core import clock
from majung.delivery import lookup, packing
from majung.delivery.handover import Hands
from majung.delivery.ledger import Chunk, Dispatch, run
from majung.delivery.outcomes import MOVED_ON, NOT_A_FRIEND
from majung.delivery.planner import CHUNK_COLUMNS, chunk_row, friend_leaf, pieces, split
from majung.delivery.route import Assigned, Router, assign


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """A chunk of the next wave: its people in order, and for each the parent (by its place in the group) and position."""

    channel_id: int
    off_route: bool
    wave: int
    people: packing.People
    parents: NDArray[np.int64]
    seqs: NDArray[np.int64]


def plan(hands: Hands, found: Dispatch, chunks: list[Chunk], fresh: dict[int, NDArray[np.int64]]) -> list[Next]:
    """Whoever was newly told "not a friend" is marked as moved on where the route has a lawful channel left.

    Reads the observation of this very transaction, so the channel that was tried denies by itself.
    """
    moving: dict[int, NDArray[np.int64]] = {}
    for place, chunk in enumerate(chunks):
        cells, at = np.frombuffer(chunk.outcome, np.uint8), fresh[chunk.chunk_no]
        if len(told := at[cells[at] == NOT_A_FRIEND]):
            moving[place] = told
    if not moving or not found.stops:
        return []
    people = np.concatenate([chunks[place].people[told] for place, told in moving.items()])
    order = np.argsort(people)
    people = people[order]
    parents = np.repeat(list(moving), [len(told) for told in moving.values()])[order]
    seqs = np.concatenate(list(moving.values()))[order]
    waves = np.array([chunk.wave for chunk in chunks])[parents]
    assigned = _route(hands, found, [(chunks[place], chunks[place].people[told]) for place, told in moving.items()])
    planned: list[Next] = []
    for channel_id, off_route, going in split(assigned.by_channel, assigned.off_route):
        at = np.searchsorted(people, going)
        for wave in np.unique(waves[at]).tolist():
            planned += [
                Next(
                    channel_id=channel_id, off_route=off_route, wave=wave + 1, people=people[some],
                    parents=parents[some], seqs=seqs[some],
                )
                for some in pieces(at[waves[at] == wave])
            ]  # fmt: skip
    for one in planned:
        for place in np.unique(one.parents).tolist():
            np.frombuffer(chunks[place].outcome, np.uint8)[one.seqs[one.parents == place]] = MOVED_ON
    return planned


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
            homes.setdefault(stop.unit_id, BitMap()).update(BitMap(people.astype(np.uint32)))
    if strays:
        for home, of in run(connection, "homes", people=np.concatenate(strays)).fetchall():
            homes.setdefault(home, BitMap()).update(BitMap(of.astype(np.uint32)))
    asked = np.concatenate([people for _, people in moving])
    rows = [
        (channel, state, BitMap(of.astype(np.uint32)))
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


def write(hands: Hands, found: Dispatch, chunks: list[Chunk], planned: list[Next], first: int) -> None:
    """The planned chunks stand in the ledger, numbered from ``first``, with the sealed values of their parents."""
    if not planned:
        return
    numbers = sorted({chunks[place].chunk_no for one in planned for place in np.unique(one.parents).tolist()})
    rows = run(hands.connection, "sealed", campaign=found.campaign_id, chunks=numbers).fetchall()
    contacts = {number: packed for number, packed, _ in rows}
    names = {number: packed for number, _, packed in rows if packed is not None}
    written = [
        chunk_row(
            campaign=found.campaign_id, chunk=number, wave=one.wave, root=found.root_id, channel=one.channel_id,
            off_route=one.off_route, people=one.people, contacts=_sealed(contacts, chunks, one),
            names=_sealed(names, chunks, one) if names else None,
            watermark=min(chunks[place].watermark for place in np.unique(one.parents).tolist()),
        )
        for number, one in enumerate(planned, start=first)
    ]  # fmt: skip
    with hands.connection.cursor() as cursor:
        packing.copy_in(cursor, "campaign_chunk", CHUNK_COLUMNS, written)


def _sealed(packed: Mapping[int, bytes], chunks: list[Chunk], one: Next) -> bytes:
    """The sealed values of a planned chunk's people, taken from its parents."""
    values = [b""] * len(one.people)
    for place in np.unique(one.parents).tolist():
        parent, at = chunks[place], np.flatnonzero(one.parents == place)
        taken = packing.take(packed[parent.chunk_no], len(parent.people), one.seqs[at].tolist())
        for to, value in zip(at.tolist(), taken, strict=True):
            values[to] = value
    return packing.pack(values)
