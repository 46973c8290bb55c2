"""The next wave: whoever is not a friend of the channel that was tried goes to the next one of the route, counted once (M4)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from majung.core import clock
from majung.delivery import lookup, packing
from majung.delivery.handover import Hands
from majung.delivery.ledger import Chunk, Dispatch, run
from majung.delivery.outcomes import MOVED_ON, NOT_A_FRIEND
from majung.delivery.planner import CHUNK_COLUMNS, chunk_row, friend_leaf
from majung.delivery.route import Router, assign


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """A chunk of the next wave: which positions of which parent go to which channel."""

    parent: Chunk
    channel_id: int
    seqs: NDArray[np.int64]


def plan(hands: Hands, found: Dispatch, chunks: list[Chunk], fresh: dict[int, NDArray[np.int64]]) -> list[Next]:
    """Whoever was newly told "not a friend" is marked as moved on where the route has a lawful channel left.

    Reads the observation of this very transaction, so the channel that was tried denies by itself.
    """
    moving: dict[int, NDArray[np.int64]] = {}
    for chunk in chunks:
        cells, at = np.frombuffer(bytes(chunk.outcome), np.uint8), fresh[chunk.chunk_no]
        if len(told := at[cells[at] == NOT_A_FRIEND]):
            moving[chunk.chunk_no] = told
    if not moving or not found.stops:
        return []
    people = BitMap.union(*(BitMap(c.people[moving[c.chunk_no]]) for c in chunks if c.chunk_no in moving))
    channel_of = _route(hands, found, people)
    planned = []
    for chunk in chunks:
        if (told := moving.get(chunk.chunk_no)) is None:
            continue
        going = np.array([channel_of.get(int(person), 0) for person in chunk.people[told]], np.int64)
        for channel_id in np.unique(going[going != 0]).tolist():
            seqs = told[going == channel_id]
            planned.append(Next(parent=chunk, channel_id=channel_id, seqs=seqs))
            for seq in seqs.tolist():
                chunk.outcome[seq] = MOVED_ON
    return planned


def _route(hands: Hands, found: Dispatch, people: BitMap) -> dict[int, int]:
    """The next channel of each person who has one."""
    connection, asked, now = hands.connection, np.array(people.to_array(), np.int32), clock.now()
    router = _router(hands, found)
    homes: dict[int | None, BitMap] = {
        home: BitMap(of.astype(np.uint32)) for home, of in run(connection, "homes", people=asked).fetchall()
    }
    rows = [
        (channel, state, BitMap(of.astype(np.uint32)))
        for channel, state, of in run(connection, "friendships", people=asked).fetchall()
    ]
    others = lookup.by_sql(connection, found.root_id, people)
    sets = lookup.Sets(lookup.by_friendships(others, rows), clock.seoul(now).date())

    def denied(channel_id: int, of: BitMap) -> list[tuple[str, BitMap]]:
        rules = hands.known.bench.rules(found, channel_id, now)
        return [(rule.code, sets.within(expression, of)) for rule, expression in rules.on_channel]

    def friends(channel_id: int, of: BitMap) -> BitMap:
        return sets.within(friend_leaf(router.stops[channel_id]), of)

    assigned = assign(homes, router, denied, friends)
    return {person: channel for channel, some in assigned.by_channel.items() for person in some}


def _router(hands: Hands, found: Dispatch) -> Router:
    """The campaign's router, kept as long as no unit moves."""
    units: dict[int, str] = dict(run(hands.connection, "units", root=found.root_id).fetchall())
    known = hands.known.routers.get(found.campaign_id)
    if known is None or known.units != units:
        known = hands.known.routers[found.campaign_id] = Router(found.stops, units, units[found.scope_unit_id])
    return known


def write(hands: Hands, found: Dispatch, planned: list[Next], first: int) -> None:
    """The planned chunks stand in the ledger, numbered from ``first``, with the sealed values of their parents."""
    if not planned:
        return
    parents = sorted({one.parent.chunk_no for one in planned})
    rows = run(hands.connection, "sealed", campaign=found.campaign_id, chunks=parents).fetchall()
    sealed = {number: (contacts, names) for number, contacts, names in rows}
    written = []
    for number, one in enumerate(planned, start=first):
        parent = one.parent
        contacts, names = sealed[parent.chunk_no]
        written.append(
            chunk_row(
                campaign=found.campaign_id, chunk=number, parent=parent.chunk_no, wave=parent.wave + 1, root=found.root_id,
                channel=one.channel_id, people=parent.people[one.seqs], contacts=_some(contacts, parent, one.seqs),
                names=None if names is None else _some(names, parent, one.seqs), watermark=parent.watermark,
            )
        )  # fmt: skip
    with hands.connection.cursor() as cursor:
        packing.copy_in(cursor, "campaign_chunk", CHUNK_COLUMNS, written)


def _some(packed: bytes, parent: Chunk, seqs: NDArray[np.int64]) -> bytes:
    values = packing.unpack(packed, len(parent.people))
    return packing.pack([values[at] for at in seqs.tolist()])
