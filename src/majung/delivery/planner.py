"""Freezes an audience into chunks in one transaction, and estimates the same plan beforehand (M4, M7).

Both run the same decision over the same rules; they differ only in where base sets are read (``lookup``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb
from pyroaring import BitMap

from majung import settings
from majung.channels import accounts
from majung.core import clock, copying, sql
from majung.core.sealing import sealer_at
from majung.crowd.expression import Expression, Leaf, to_json
from majung.delivery import lookup, pace, packing, sealed, week
from majung.delivery.order import Estimate, Frozen, Order, dated, on_channel
from majung.delivery.outcomes import NOT_YET, Reason
from majung.delivery.route import Assigned, Router, Stop, assign
from majung.people import pages
from majung.people.pages import Field
from majung.policy import judge, rules
from majung.policy.enums import Medium
from majung.policy.rule import Rule

T = TypeVar("T", bound=np.generic)
CHUNK = 1_000
"""People of one chunk: perf.md section h."""
NO_CHANNEL = 0
"""The channel number of chunks whose medium has no channels."""

Reserve = Callable[[int, int], object]
"""Called inside the freezing transaction with messages and worst-case centiwon; raises to refuse."""


class BooksDoNotBalance(Exception):
    """What was written down is not what was decided: a bug. The transaction is rolled back and nothing is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The channels further along the route of some people, and for each of them who of these people may use it."""

    channels: tuple[int, ...] = ()
    free: tuple[BitMap, ...] = ()

    def bits(self, people: packing.People) -> NDArray[np.uint8]:
        """For each of ``people`` (all of those that ``free`` was asked of) a bit a channel."""
        found = np.zeros(len(people), np.uint8)
        for number, free in enumerate(self.free):
            found[np.searchsorted(people, numbers_of(free))] |= 1 << number
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Everyone of the audience exactly once: left out with a reason, or given to a channel."""

    audience: BitMap
    left_out: Mapping[str, BitMap]
    by_channel: Mapping[int, BitMap]
    off_route: BitMap
    ahead: Mapping[int, "Ahead"]

    @property
    def planned(self) -> int:
        """How many get the message."""
        return sum(map(len, self.by_channel.values()))


def freeze(connection: psycopg.Connection[Any], order: Order, *, reserve: Reserve | None = None) -> Frozen:
    """The audience of ``order`` is written down: left-out sets, chunks, totals, and the dispatch in state ``frozen``.

    One REPEATABLE READ transaction: opened here when the connection is idle, else the caller's, in which nothing may
    have been asked before (psycopg's or Django's), and which was begun in the organisation's turn (``week.turn``).
    Raises what ``reserve`` raises, and BooksDoNotBalance.
    """
    order = dated(order)
    if connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE:
        with week.turn(connection, order.root_id), connection.transaction():
            return freeze(connection, order, reserve=reserve)
    # SHOW takes no snapshot, so that the level can still be chosen after it.
    if connection.execute("SHOW transaction_isolation").fetchall() == [("read committed",)]:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    [(watermark,)] = connection.execute(_sql("watermark")).fetchall()
    by_bitmap = lookup.by_bitmap(connection, order.root_id, may_store=False)
    decision = decide(connection, order, _sets(connection, order, by_bitmap))
    planned, worst = decision.planned, decision.planned * order.worst_centiwon
    if reserve is not None and planned:
        reserve(planned, worst)
    week.hold(connection, order.occasion, numbers_of(BitMap.union(BitMap(), *decision.by_channel.values())))
    _write_left_out(connection, order, decision.left_out)
    chunks = _write_chunks(connection, order, decision, int(watermark))
    left = {reason: len(people) for reason, people in decision.left_out.items()}
    frozen = Frozen(
        campaign_id=order.campaign_id, audience=len(decision.audience), left_out=left, planned=planned, chunks=chunks,
        channels=len(decision.by_channel), worst_centiwon=worst,
    )  # fmt: skip
    _write_dispatch(connection, order, frozen, watermark)
    _compare(connection, frozen)
    return frozen


def estimate(connection: psycopg.Connection[Any], order: Order, *, lms_centiwon: int) -> Estimate:
    """What ``freeze`` would plan now, from stored bitmaps: nothing is written. ``lms_centiwon``: one long text message."""
    order = dated(order)
    decision = decide(connection, order, _sets(connection, order, lookup.by_bitmap(connection, order.root_id)))
    planned = decision.planned
    return Estimate(
        audience=len(decision.audience),
        left_out={reason: len(people) for reason, people in decision.left_out.items()},
        planned=planned,
        by_channel={channel: len(people) for channel, people in decision.by_channel.items()},
        cost_centiwon=planned * order.unit_centiwon,
        worst_centiwon=planned * order.worst_centiwon,
        lms_centiwon=planned * lms_centiwon,
    )


def decide(
    connection: psycopg.Connection[Any], order: Order, sets: lookup.Sets, *, among: BitMap | None = None
) -> Decision:
    """The audience of ``order`` (only those of ``among``, if given), each person left out or on a channel."""
    units: dict[int, str] = dict(connection.execute(_sql("units"), {"root": order.root_id}))
    router = Router(order.stops, units, units[order.scope_unit_id])
    denials = judge.person_denials(order.occasion)
    homes = {unit: Leaf("home", (unit,)) for unit in units}
    sets.prefetch([order.audience, *(e for _, e in denials), shared_leaf(order), *homes.values()])
    audience = sets.of(order.audience)
    audience = audience if among is None else audience & among
    rest = BitMap(audience)
    denied: list[tuple[Rule, BitMap]] = []
    for rule, expression in denials:
        denied.append((rule, sets.within(expression, rest)))
        rest -= denied[-1][1]

    verdicts = channel_verdicts(order, router, sets)
    left = _reasons(denied, _by_home(audience - rest, homes, sets), router, verdicts)
    assigned = route(order, router, sets, _by_home(rest, homes, sets))
    for reason, people in (*assigned.left_out.items(), (str(Reason.NO_CHANNEL), assigned.placeless)):
        left.setdefault(reason, BitMap()).update(people)
    planned = BitMap.union(BitMap(), *assigned.by_channel.values())
    losers = _same_numbers(connection, order, planned, sets.within(shared_leaf(order), planned))
    left.setdefault(str(Reason.SAME_CONTACT), BitMap()).update(losers)
    by_channel = {channel: rest for channel, people in assigned.by_channel.items() if (rest := people - losers)}
    return Decision(
        audience=audience, left_out={r: p for r, p in left.items() if p}, by_channel=by_channel,
        off_route=assigned.off_route, ahead=_ahead(router, sets, verdicts, by_channel, assigned.off_route),
    )  # fmt: skip


Verdict = tuple[Rule, BitMap]


def channel_verdicts(order: Order, router: Router, sets: lookup.Sets) -> Callable[[int, BitMap], list[Verdict]]:
    """Of some people, who is denied on a channel: rules in their order. All channels' base sets are read together."""
    denials = {
        channel_id: sorted(judge.channel_denials(on_channel(order.occasion, stop)), key=lambda step: step[0].order)
        for channel_id, stop in router.stops.items()
    }
    sets.prefetch(expression for steps in denials.values() for _, expression in steps)

    def verdicts(channel_id: int, asked: BitMap) -> list[Verdict]:
        return [(rule, sets.within(expression, asked)) for rule, expression in denials[channel_id]]

    return verdicts


def _reasons(
    denied: list[Verdict],
    homes: Mapping[int | None, BitMap],
    router: Router,
    verdicts: Callable[[int, BitMap], list[Verdict]],
) -> dict[str, BitMap]:
    """The reasons of those whom a rule denies on every channel: the first rule in order, be it one of the nearest channel."""
    left: dict[str, BitMap] = {}
    nearest: dict[int, BitMap] = {}
    for home, people in homes.items():
        if people and (near := router.near(home)):
            nearest.setdefault(near[0], BitMap()).update(people)
    for channel_id, people in nearest.items():
        for rule, hit in verdicts(channel_id, people):
            for later, waiting in denied:
                if hit and later.order > rule.order and (moved := waiting & hit):
                    left.setdefault(rule.code, BitMap()).update(moved)
                    waiting -= moved
                    hit -= moved
    for rule, people in denied:
        left.setdefault(rule.code, BitMap()).update(people)
    return left


def route(order: Order, router: Router, sets: lookup.Sets, homes: Mapping[int | None, BitMap]) -> Assigned:
    """Everyone of ``homes`` on the first channel of the route that may (docs/decisions/0003-route.md)."""
    if not order.stops:
        everyone = BitMap.union(BitMap(), *homes.values())
        return Assigned(by_channel={NO_CHANNEL: everyone} if everyone else {})
    verdicts = channel_verdicts(order, router, sets)

    def denied(channel_id: int, asked: BitMap) -> list[tuple[str, BitMap]]:
        return [(rule.code, hit) for rule, hit in verdicts(channel_id, asked)]

    def friends(channel_id: int, asked: BitMap) -> BitMap:
        sets.prefetch(friend_leaf(stop) for stop in router.stops.values())
        return sets.within(friend_leaf(router.stops[channel_id]), asked)

    return assign(homes, router, denied, friends)


def _ahead(
    router: Router,
    sets: lookup.Sets,
    verdicts: Callable[[int, BitMap], list[Verdict]],
    by_channel: Mapping[int, BitMap],
    off_route: BitMap,
) -> dict[int, Ahead]:
    """Where whoever turns out not to be a friend goes next: worked out here for all, so that nothing is asked at sending.

    Behind a channel that is known as added nothing is free: if that is out of date, the person is asked for, and it is
    noted at once. Else the far part could lead back to it.
    """
    found: dict[int, Ahead] = {}
    sets.prefetch(friend_leaf(stop) for stop in router.stops.values())
    for channel_id, everybody in by_channel.items():
        if channel_id in router.stops and (people := everybody - off_route):
            channels, free = router.ahead(channel_id), []
            unsure = people - sets.within(friend_leaf(router.stops[channel_id]), people)
            for one in channels:
                free.append(unsure - BitMap.union(BitMap(), *(hit for _, hit in verdicts(one, unsure))))
                unsure -= sets.within(friend_leaf(router.stops[one]), unsure)
            found[channel_id] = Ahead(channels=channels, free=tuple(free))
    return found


def friend_leaf(stop: Stop) -> Expression:
    """Those known to have added a channel."""
    return Leaf("friend", (stop.channel_id, 1))


def _by_home(people: BitMap, homes: Mapping[int, Leaf], sets: lookup.Sets) -> dict[int | None, BitMap]:
    found: dict[int | None, BitMap] = {unit: hit for unit, leaf in homes.items() if (hit := sets.within(leaf, people))}
    found[None] = people - BitMap.union(BitMap(), *found.values())
    return found


def contact_of(order: Order) -> Field:
    """What the medium is addressed to."""
    return Field.EMAIL if order.occasion.medium is Medium.EMAIL else Field.MOBILE


def shared_leaf(order: Order) -> Expression:
    """Those who share the number or address with a lower-numbered person."""
    return Leaf("shared_address" if contact_of(order) is Field.EMAIL else "shared_contact")


def _same_numbers(connection: psycopg.Connection[Any], order: Order, planned: BitMap, sharing: BitMap) -> BitMap:
    """Of the planned people, those who share a number or address with a lower-numbered one of them."""
    if not sharing:
        return BitMap()
    holders: dict[bytes, list[int]] = {}
    facts = {"root": order.root_id, "kind": int(contact_of(order)), "people": list(sharing)}
    for blind, person in connection.execute(_sql("holders"), facts):
        if person in planned:
            holders.setdefault(blind, []).append(person)
    return BitMap([person for people in holders.values() for person in sorted(people)[1:]])


def _write_left_out(connection: psycopg.Connection[Any], order: Order, left_out: Mapping[str, BitMap]) -> None:
    rows = [
        copying.row(
            copying.int8(order.campaign_id), copying.int4(order.root_id), copying.text("freeze"), copying.text(reason),
            copying.int4(len(people)), copying.blob(packing.int4_array(numbers_of(people))),
        )
        for reason, people in left_out.items()
    ]  # fmt: skip
    copying.copy_rows(
        connection, "campaign_left_out", ("campaign_id", "root_id", "stage", "reason", "n", "people"), rows
    )


def _write_chunks(connection: psycopg.Connection[Any], order: Order, decision: Decision, watermark: int) -> int:
    everyone = BitMap.union(BitMap(), *decision.by_channel.values())
    if not everyone:
        return 0
    root, campaign, sealer = order.root_id, order.campaign_id, sealer_at(settings.VAULT_KEY)
    contact = contact_of(order)
    fields = (contact, Field.NAME) if order.needs_name else (contact,)
    values = [pages.read(connection, sealer, root, numbers_of(everyone), field) for field in fields]
    # A chunk leaves as a whole, so it holds no more than a minute's pace, and no more than the dealer takes in one request.
    paced = pace.smallest(connection, order.account_id, order.occasion.entity_id, decision.by_channel)
    most = min(paced or CHUNK, accounts.people_per_chunk(connection, order.account_id))
    written = 0

    def rows() -> Iterator[bytes]:
        nonlocal written
        for channel_id, off_route, people in split(decision.by_channel, decision.off_route):
            ahead = Ahead() if off_route else decision.ahead.get(channel_id, Ahead())
            for some, bits in zip(pieces(people, most), pieces(ahead.bits(people), most), strict=True):
                written += 1
                columns = [of.of(some) for of in values]
                if not columns[0][0].all():
                    raise BooksDoNotBalance(f"campaign {campaign}: somebody of chunk {written} has no number")
                yield chunk_row(
                    campaign=campaign, chunk=written, wave=1, root=root, channel=channel_id, message_kind=order.template.kind,
                    unit_centiwon=order.unit_centiwon, off_route=off_route, people=some,
                    sealed=sealed.seal(sealer, root, campaign, written, [sealed.joined(*column) for column in columns]),
                    watermark=watermark, ahead=ahead.channels, open_ahead=bits.tobytes(),
                )  # fmt: skip

    copying.copy_rows(connection, "campaign_chunk", CHUNK_COLUMNS, rows())
    return written


CHUNK_COLUMNS = (
    "campaign_id", "chunk_no", "wave", "root_id", "channel_id", "message_kind", "unit_centiwon", "parent_chunk", "off_route",
    "n", "first_person", "last_person", "people", "sealed", "outcome", "watermark", "ahead", "open_ahead",
)  # fmt: skip


def chunk_row(
    *, campaign: int, chunk: int, wave: int, root: int, channel: int, message_kind: str, unit_centiwon: int, off_route: bool,
    people: packing.People, sealed: bytes, watermark: int, ahead: Sequence[int], open_ahead: bytes, parent: int | None = None,
) -> bytes:  # fmt: skip
    """A new chunk as a row of ``CHUNK_COLUMNS``. ``open_ahead`` has a byte a person, a bit of it for each channel ``ahead``."""
    int4, int8, blob = copying.int4, copying.int8, copying.blob
    return copying.row(
        int8(campaign), int4(chunk), copying.int2(wave), int4(root), int8(channel), copying.text(message_kind), int4(unit_centiwon),
        copying.NULL if parent is None else int4(parent), copying.boolean(off_route), int4(len(people)), int4(int(people[0])),
        int4(int(people[-1])), blob(packing.int4_array(people)), blob(sealed), blob(bytes((NOT_YET,)) * len(people)),
        int8(watermark), blob(packing.int8_array(ahead)), blob(open_ahead) if ahead else copying.NULL,
    )  # fmt: skip


def split(by_channel: Mapping[int, BitMap], off_route: BitMap) -> Iterator[tuple[int, bool, packing.People]]:
    """The people of each channel, those of its own units apart from those who are off their route there."""
    for channel_id, people in by_channel.items():
        for is_off, some in ((False, people - off_route), (True, people & off_route)):
            if some:
                yield channel_id, is_off, numbers_of(some)


def pieces(people: NDArray[T], most: int) -> Iterator[NDArray[T]]:
    """As many at a time as a chunk holds, or fewer."""
    size = min(CHUNK, most)
    for start in range(0, len(people), size):
        yield people[start : start + size]


def _write_dispatch(connection: psycopg.Connection[Any], order: Order, frozen: Frozen, watermark: str) -> None:
    occasion = order.occasion
    facts = {
        "campaign": order.campaign_id, "root": order.root_id, "account": order.account_id, "unit": occasion.unit_id,
        "scope": order.scope_unit_id, "grant": order.grant_id, "purpose": str(occasion.purpose),
        "medium": str(occasion.medium), "occasion": Jsonb(occasion.to_json()),
        "template": Jsonb(order.template.to_json()),
        "fallback": Jsonb(order.fallback.to_json()) if order.fallback else None,
        "segment": Jsonb({"criteria": to_json(order.criteria), "stops": [asdict(stop) for stop in order.stops]}),
        "not_before": order.not_before, "watermark": watermark, "rule_set": rules.RULE_SET_VERSION,
        "unit_centiwon": order.unit_centiwon, "worst_centiwon": frozen.worst_centiwon, "audience": frozen.audience,
        "left_out": frozen.audience - frozen.planned, "planned": frozen.planned, "chunks": frozen.chunks,
        "at": clock.now(),
    }  # fmt: skip
    connection.execute(_sql("dispatch"), facts)
    connection.execute(
        _sql("turn"), {"campaign": order.campaign_id, "unit": occasion.unit_id, "entity": occasion.entity_id}
    )


def _compare(connection: psycopg.Connection[Any], frozen: Frozen) -> None:
    """What stands in the tables is what was decided, to the person; else nothing is committed."""
    [found] = connection.execute(_sql("sums"), {"campaign": frozen.campaign_id}).fetchall()
    left = sum(frozen.left_out.values())
    if tuple(map(int, found)) != (frozen.chunks, frozen.planned, frozen.planned, left):
        raise BooksDoNotBalance(f"campaign {frozen.campaign_id}: wrote {found}, meant {frozen}")
    if frozen.audience != left + frozen.planned:
        raise BooksDoNotBalance(f"campaign {frozen.campaign_id}: {frozen}")


def numbers_of(people: BitMap) -> packing.People:
    """Ascending person numbers of a set."""
    return np.array(people.to_array(), dtype=np.int32)


def _sets(connection: psycopg.Connection[Any], order: Order, reader: lookup.Reader) -> lookup.Sets:
    today = clock.seoul(order.occasion.at).date()
    return lookup.Sets(week.reader(reader, connection, order.root_id), today)


def _sql(name: str) -> str:
    return sql.load("majung.delivery", "plan", name)
