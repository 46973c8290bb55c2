"""Judges a run: the ledger against the sandbox's own list, as sets of message ids and of numbers. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

Id = tuple[int, int]
"""Chunk and position in it."""
_UNSENT = frozenset(b"nlq")
_LEFT_OUT = ord("l")
_DELIVERED = ord("d")
_REPEATED_INSIDE = 1026
"""The dealer's word for a number that is already in the basket: no message of its own."""
_SENT_FROM = 3000
"""Codes from here on belong to messages of a basket that was really sent; 2000 lay in one that was not."""
_REFUSED_BELOW = 2000


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Our side: each chunk's people and outcome bytes, the known repeats, and what the books say of the rest.

    ``again`` are sent to again because their dealer denied the request: if it spoke the truth nobody got it twice.
    ``in_doubt`` are counted as unfinished, unless a dealer's "no" proves nothing and the time to wait is over.
    ``is_paid``: what was charged and given back comes to the price of whom the outcomes say it reached, or may have reached.
    """

    chunks: Mapping[int, tuple[list[int], bytes]]
    repeats: frozenset[Id]
    again: frozenset[Id] = frozenset()
    unfinished: int
    is_balanced: bool
    is_paid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the sandbox's list: a message that came, its number, and the code it has now."""

    id: Id
    number: str
    code: int


@dataclass(frozen=True, slots=True)
class Promise:
    """What was answered from outside, and what of its kind stands in the database."""

    of: str
    answered: Set[Any]
    stored: Set[Any]


@dataclass(slots=True, kw_only=True)
class Verdict:
    """``lost`` counts whatever the two sides disagree about; ``findings`` has the sets behind every number that is not 0."""

    lost: int = 0
    unknown_doubles: int = 0
    known_repeats: int = 0
    findings: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, found: Iterable[object]) -> int:
        """Keep what is behind a count; returns the count."""
        told = sorted(map(str, found))
        if told:
            self.findings[what] = told
        return len(told)


def judged(
    ledger: Ledger,
    came: Iterable[Line],
    numbers: Mapping[int, str],
    *,
    promises: Iterable[Promise],
    refused: Iterable[int],
) -> Verdict:
    """Both sides of one campaign. ``numbers`` are by person; ``refused`` are people who had refused before sending began."""
    told = {(no, at): byte for no, (_, outcome) in ledger.chunks.items() for at, byte in enumerate(outcome)}
    sent = {id_: byte for id_, byte in told.items() if byte not in _UNSENT}
    left_out = {id_ for id_, byte in told.items() if byte == _LEFT_OUT}
    person = {(no, at): who for no, (people, _) in ledger.chunks.items() for at, who in enumerate(people)}
    lines = list(came)
    accepted = [line for line in lines if line.code >= _SENT_FROM]
    got = {line.id for line in accepted}
    # Turned away when a basket was filled: no message. It may have been thrown away, and whoever refused since is in no other.
    turned_away = {line.id for line in lines if line.code < _REFUSED_BELOW and line.code != _REPEATED_INSIDE} - got
    taken = got | turned_away
    delivered = {line.id for line in accepted if line.code == 4000}
    twice = {id_ for id_, n in Counter(line.id for line in accepted).items() if n > 1}
    numbers_twice = {to for to, n in Counter(line.number for line in accepted if line.code == 4000).items() if n > 1}
    not_to = set(refused)
    known = ledger.repeats | (ledger.again & twice)
    explained = {numbers.get(person.get(id_, 0), "") for id_ in twice & known}

    verdict = Verdict(known_repeats=len(known))
    verdict.lost = (
        verdict.note("sent by the ledger, never seen there", sent.keys() - taken)
        + verdict.note("seen there, not sent by the ledger", taken - sent.keys() - (turned_away & left_out))
        + verdict.note("delivered on one side only", {i for i, byte in sent.items() if byte == _DELIVERED} ^ delivered)
        + verdict.note(
            "sent to another's number",
            {(n.id, n.number) for n in accepted if numbers.get(person.get(n.id, 0)) != n.number},
        )
        + verdict.note("sent to who had refused", {n.id for n in accepted if person.get(n.id) in not_to})
        + sum(
            verdict.note(f"{one.of} that were answered and are not there", one.answered - one.stored)
            for one in promises
        )
        + verdict.note("repeats that the ledger knows of and nobody saw", ledger.repeats - twice)
        + verdict.note("books that do not balance", [] if ledger.is_balanced else ["yes"])
        + verdict.note("money that is not that of the outcomes", [] if ledger.is_paid else ["yes"])
        + ledger.unfinished
    )
    if ledger.unfinished:
        verdict.findings["people without an outcome"] = [str(ledger.unfinished)]
    verdict.unknown_doubles = verdict.note("taken twice, unknown to the ledger", twice - known) + verdict.note(
        "numbers reached twice that no known repeat explains", numbers_twice - explained
    )
    return verdict
