"""What became of people who left one by one: listed by time while they are many, asked for by number where one is in doubt.

Both ask the dealer for our id of the message, ``campaign-chunk-seq``, and believe only what repeats it. The listing goes by the
database's clock and may miss somebody, the dealer's being another; the question by number covers a quarter of an hour on both
sides, and is the one whose "no" counts: after three of them the person is sent again, and that it was so is written down first.
"""

import logging
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from majung.channels.accounts import LiveAccount
from majung.channels.adapters.base import Finds, our_ids
from majung.channels.adapters.single import CLOCKS_DIFFER, Single
from majung.channels.adapters.terms import Reply
from majung.channels.stream import Fate
from majung.core import clock
from majung.core.errors import Outside
from majung.delivery import direct, ledger, sealed, settle, waves
from majung.delivery.handover import Hands
from majung.delivery.ledger import Dispatch, run
from majung.delivery.outcomes import ACCEPTED, IN_DOUBT, LEDGER
from majung.delivery.packing import People
from majung.delivery.settle import Told

log = logging.getLogger(__name__)

AGAIN = "AGAIN"
"""Code of an exception row: the dealer was sure that it had not taken this person, who was sent again on its word."""
MOST_CHUNKS = 64
"""Chunks that one listing tells of."""
MOST_ASKED = 8
"""Chunks whose people are asked for by number at one look."""
MARGIN = timedelta(milliseconds=250)
"""So far may the dealer's clock be from the database's for a listing by time to be whole."""
FEW = 0.05
"""Of a chunk of which no more is open, people are asked for one by one."""
LATE_SECONDS = 60.0
"""From this age on everybody is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Out:
    """A handed chunk that is due to be looked at. Its key was committed at ``since``, its hand-over at ``until``."""

    chunk_no: int
    key: str
    people: People
    outcome: bytes
    since: datetime
    until: datetime
    left_seconds: float
    """Since ``until``, by the database."""
    age_seconds: float
    """Since it was handed over, by the clock of business."""

    def places(self, *letters: int) -> NDArray[np.int64]:
        """Positions of those with one of these outcomes."""
        return np.flatnonzero(np.isin(np.frombuffer(self.outcome, np.uint8), letters))

    @property
    def wants_asking(self) -> bool:
        """Whether people are asked for by number, and not listed by time."""
        few = len(self.places(ACCEPTED)) <= FEW * len(self.people)
        return IN_DOUBT in self.outcome or few or self.left_seconds > LATE_SECONDS


def made_by(account: LiveAccount) -> Single:
    """The adapter of a dealer that is told of one person a request."""
    if not isinstance(account.adapter, Single):
        raise TypeError(f"{account.adapter.code} takes more than one person a request")
    return account.adapter


def in_doubt(hands: Hands, found: Dispatch, key: str) -> None:
    """A chunk whose worker died among its people: everybody may have left, is paid for, and is asked for from now on."""
    now = clock.now()
    facts = {"campaign": found.campaign_id, "key": key, "worker": hands.worker, "now": now}
    with hands.connection.transaction():
        for number, attempt, outcome in run(hands.connection, "waits", **facts).fetchall():
            counts = {number: (attempt, outcome.count(IN_DOUBT))}
            ledger.write_cost(hands.connection, found, "charged", counts, now)


def look(hands: Hands, found: Dispatch, account: LiveAccount, key: str) -> None:
    """What is known by now of the chunk with this key, and of all of the campaign that are due, is written down."""
    facts = {"campaign": found.campaign_id, "group": key, "is_text": found.is_text_instead, "most": MOST_CHUNKS}
    mine = {"worker": hands.worker, "lease": hands.lease_seconds, "now": clock.now()}
    due = [
        Out(
            chunk_no=number, key=ref, people=people, outcome=outcome, since=clock.of_database(since),
            until=clock.of_database(until), left_seconds=left, age_seconds=age,
        )
        for number, ref, people, outcome, since, until, left, age in run(hands.connection, "due_with", **facts, **mine).fetchall()
    ]  # fmt: skip
    if key not in {one.key for one in due}:  # somebody who looked for what is due holds its row for a moment
        run(hands.connection, "look_later", campaign=found.campaign_id, group=key, worker=hands.worker, look=0.0)
    asked = [one for one in due if one.wants_asking][:MOST_ASKED]
    listed = [one for one in due if not one.wants_asking]
    try:
        if listed:
            told = listing(hands, account, found.campaign_id, spans(listed))
            _write(hands, found, listed, told)
        for one in asked:
            _ask(hands, found, account, one)
    except Outside:
        for one in due:
            later = {"campaign": found.campaign_id, "group": one.key, "worker": hands.worker}
            run(hands.connection, "look_later", **later, look=max(_wait(hands, [one]), direct.ASK_AGAIN_SECONDS))
        return
    for one in due:
        if one.wants_asking and one not in asked:
            later = {"campaign": found.campaign_id, "group": one.key, "worker": hands.worker}
            run(hands.connection, "look_later", **later, look=0.0)


def _wait(hands: Hands, chunks: Iterable[Out]) -> float:
    return settle.next_look(hands, min(one.left_seconds for one in chunks))


def _write(hands: Hands, found: Dispatch, due: Sequence[Out], told: Told) -> None:
    facts = {"campaign": found.campaign_id, "chunks": [one.chunk_no for one in due], "worker": hands.worker}
    is_last = min(one.age_seconds for one in due) > settle.PATIENCE.total_seconds()
    with hands.connection.transaction():
        chunks = settle.chunks_of(run(hands.connection, "chunks_out", **facts))
        settle.write_chunks(hands, found, chunks, told, is_last=is_last, look_seconds=_wait(hands, due))


# By time
def spans(due: Iterable[Out]) -> list[tuple[datetime, datetime]]:
    """The stretches of time in which these chunks left, joined where they touch."""
    found: list[tuple[datetime, datetime]] = []
    for since, until in sorted((one.since - MARGIN, one.until + MARGIN) for one in due):
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(until, found[-1][1])
        else:
            found.append((since, until))
    return found


def listing(hands: Hands, account: LiveAccount, campaign: int, when: Iterable[tuple[datetime, datetime]]) -> Told:
    """All messages of the campaign that were made in these stretches of time, page by page."""
    adapter, line = made_by(account), hands.line(account)
    parts = []
    for since, until in when:
        key = ""
        while True:
            page = adapter.decode_results(line.ask(adapter.results_request(since, until, key)))
            parts.append(settle.read_page(hands, adapter, campaign, page))
            if not page.next_key or page.next_key == key or not len(page):
                break
            key = page.next_key
    return settle.joined(parts)


# By number
def _ask(hands: Hands, found: Dispatch, account: LiveAccount, one: Out) -> None:
    """Everybody of a chunk whose end is open is asked for; whom the dealer has certainly not taken is sent again."""
    adapter = made_by(account)
    ability = adapter.abilities[found.template.kind]
    places = one.places(ACCEPTED, IN_DOUBT)
    if ability.finds is Finds.NEVER or not len(places):
        return _write(hands, found, [one], settle.joined([]))
    numbers = _numbers(hands, found, one, len(places))
    told = _answers(hands, found, account, one, numbers, places)
    doubted = one.places(IN_DOUBT)
    denied = doubted[told[doubted] == 0]
    if ability.finds is Finds.SURELY and len(denied) and one.left_seconds >= ability.find_seconds:
        for _ in range(direct.DENIALS - 1):
            time.sleep(direct.ASK_AGAIN_SECONDS)
            told |= _answers(hands, found, account, one, numbers, denied)
            denied = denied[told[denied] == 0]
    else:
        denied = denied[:0]
    with hands.connection.transaction():
        _send_again(hands, found, one, denied)
        seqs = np.flatnonzero(told)
        _write(
            hands, found, [one], Told(chunks=np.full(len(seqs), one.chunk_no, np.int64), seqs=seqs, bytes=told[seqs])
        )
    return None


def _numbers(hands: Hands, found: Dispatch, one: Out, count: int) -> list[bytes]:
    """The numbers of a chunk's people; that ``count`` of them are opened is written down first (X2)."""
    where = {"campaign": found.campaign_id, "root": found.root_id, "unit": found.unit_id}
    run(hands.connection, "opened_again", **where, chunks=[one.chunk_no], counts=[count], now=clock.now())
    [(_, values)] = run(hands.connection, "sealed", campaign=found.campaign_id, chunks=[one.chunk_no]).fetchall()
    opened = sealed.opened(hands.sealer, found.root_id, found.campaign_id, one.chunk_no, values, len(one.people))
    return opened[0]


def _answers(
    hands: Hands, found: Dispatch, account: LiveAccount, one: Out, numbers: Sequence[bytes], places: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """One byte a person of the chunk: the outcome of whom the dealer knows, else 0. Raises Outside when it did not answer all."""
    adapter, stream = made_by(account), hands.stream(account, made_by(account))
    told = np.zeros(len(one.people), np.uint8)
    asked = [
        adapter.person_request(numbers[at], one.since - CLOCKS_DIFFER, one.until + CLOCKS_DIFFER)
        for at in places.tolist()
    ]
    salt = secrets.token_hex(10).encode()
    proofs = adapter.proofs(clock.now(), [b"%b%06d" % (salt, place) for place in range(len(asked))])

    def heard(place: int, status: int, body: bytes) -> bool:
        page = adapter.decode_results(Reply(status, body))
        seq = int(places[place])
        mine = our_ids(page.ids) == (found.campaign_id, one.chunk_no, seq)
        for row in np.flatnonzero(mine.all(axis=1)).tolist():
            told[seq] = LEDGER[adapter.outcome(page.codes[row])]
        return True

    fates = stream.run(stream.questions(asked, proofs), heard)
    if (fates != Fate.ANSWERED).any():
        raise Outside("not everybody was answered for", retryable=True)
    return told


def _send_again(hands: Hands, found: Dispatch, one: Out, denied: NDArray[np.int64]) -> None:
    """These stand in a further chunk, on the dealer's word, which is written down; their money comes back."""
    if not len(denied):
        return
    facts = {"campaign": found.campaign_id, "chunks": [one.chunk_no], "worker": hands.worker}
    for chunk in settle.chunks_of(run(hands.connection, "chunks_out", **facts)):
        denied = denied[np.frombuffer(chunk.outcome, np.uint8)[denied] == IN_DOUBT]
        number = waves.again(hands, found, chunk, denied)
        notes = ledger.Exceptions([])
        for seq in denied.tolist():
            notes.add(chunk, seq, AGAIN, f"{one.key} → {number}")
        notes.write(hands.connection, found.campaign_id)
        back = {chunk.chunk_no: (chunk.attempt, len(denied))}
        now = clock.now()
        ledger.write_cost(hands.connection, found, "returned", back, now)
        outcomes = {"outcomes": [bytes(chunk.outcome)], "finals": [False], "told": [False], "look": hands.look_seconds}
        run(hands.connection, "settle", campaign=found.campaign_id, chunks=[chunk.chunk_no], now=now, **outcomes)
        log.warning("sent again on the dealer's word", extra={"chunk": one.chunk_no, "people": len(denied)})
