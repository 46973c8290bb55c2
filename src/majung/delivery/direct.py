"""Dealers that send at once: a chunk is one request, whose key is committed before it leaves (docs/decisions/0020).

The order of commits: claimed → key → sent → handed. What a lost answer or a dead worker leaves behind has a key: the dealer
is asked for it. Found, its reference is adopted; certainly not there, the chunk is sent again as the next attempt; where
the dealer cannot say, the people stay in doubt until a report or a look tells, or the deadline ends it. Never blindly again.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from majung.channels.accounts import LiveAccount
from majung.channels.adapters import registry
from majung.channels.adapters.base import (
    AlreadyTaken,
    DealerRefused,
    Direct,
    Finds,
    NoBalance,
    Page,
    UnknownGroup,
    our_ids,
)
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.terms import Wire
from majung.channels.line import Unsent
from majung.channels.wakes import Wake
from majung.core import clock
from majung.core.errors import Outside
from majung.delivery import evidence, handover, ledger, pace, rejudge, sealed, settle
from majung.delivery.handover import (
    BUSY,
    LAST_MOMENT,
    PAUSES,
    REFUSES,
    SLOW,
    UNREACHED,
    Hands,
    crash,
    is_lent,
    rest_seconds,
)
from majung.delivery.ledger import Chunk, Claim, Dispatch, run
from majung.delivery.outcomes import ACCEPTED, IN_DOUBT, LEDGER, LEFT_OUT, REPEAT, ChunkState
from majung.delivery.refusals import write_refusals
from majung.delivery.settle import Told
from majung.policy.rules import RULE_SET_VERSION

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 1.0
DENIALS = 3
"""So often, a second apart, must a dealer that can say so deny a key before its people are sent again."""
FIRST_SERVER_ERROR = 500

_LEDGER = np.frombuffer(LEDGER, np.uint8)
_HANDED = bytes(
    IN_DOUBT if byte == Outcome.NOT_YET else byte if byte == Outcome.NO_BALANCE else LEDGER[byte] for byte in range(256)
)
"""What a request left to itself means for a person: nobody of a request that was taken is still to be sent."""


def key_of(campaign: int, chunk: Chunk) -> str:
    """The request key of a chunk's present attempt."""
    return f"{campaign}-{chunk.chunk_no}-{chunk.attempt}"


def _is_key(campaign: int, group: str) -> bool:
    """Whether a chunk's ``group_ref`` is still our own key: nobody has told the dealer's reference."""
    return re.fullmatch(rf"{campaign}-\d+-\d+", group) is not None


def made_by(account: LiveAccount) -> Direct:
    """The adapter of a dealer that sends at once."""
    if not isinstance(account.adapter, Direct):
        raise TypeError(f"{account.adapter.code} does not send at once")
    return account.adapter


# Sending
def send(hands: Hands, found: Dispatch, account: LiveAccount, held: Claim) -> None:
    """Each chunk leaves in a request of its own; what has not left when something is in the way goes back."""

    def harmless() -> Wire:
        return made_by(account).probe_request(found.template.kind)

    chunk_by_chunk(hands, found, account, held, harmless, lambda chunk: _send_one(hands, found, account, chunk))


def chunk_by_chunk(
    hands: Hands, found: Dispatch, account: LiveAccount, held: Claim, harmless: Callable[[], Wire],
    send_one: Callable[[Chunk], bool],
) -> None:  # fmt: skip
    """``send_one`` for each chunk of a claim, as long as nothing is in the way; it raises or says no when something is.

    ``harmless`` makes a question that changes nothing, asked before a dealer in trouble is sent anything; it may be refused too.
    """
    waiting = list(held.chunks)
    renewed_at = time.monotonic()
    try:
        while waiting:
            _probe(hands, account, harmless)
            if not is_lent(hands, found, clock.now()):
                return _back(hands, held, waiting)
            if not rejudge.gate(found, {one.channel_id for one in waiting}, clock.now() + LAST_MOMENT).is_open:
                return _back(hands, held, waiting)
            if time.monotonic() - renewed_at > hands.lease_seconds / 3:
                _hold(hands, held, waiting)
                renewed_at = time.monotonic()
            if not send_one(waiting.pop(0)):
                return _back(hands, held, waiting)
    except AlreadyTaken:
        _back(hands, held, waiting)
    except DealerRefused as refused:
        _back(hands, held, waiting)
        _stand_still(hands, found, held, refused)
    except Outside as error:
        _back(hands, held, waiting)
        problem = (
            "대행사에 닿지 않습니다. 곧 다시 해 봅니다."
            if isinstance(error, Unsent)
            else "대행사의 답이 오지 않아 확인하고 있습니다."
        )
        seconds = rest_seconds(held, error.after_seconds)
        pace.trouble(
            hands.connection, found.root_id, found.account_id, UNREACHED, now=clock.now(), rest=error.after_seconds
        )
        run(hands.connection, "rest", campaign=found.campaign_id, seconds=seconds, problem=problem)
    return None


def _probe(hands: Hands, account: LiveAccount, harmless: Callable[[], Wire]) -> None:
    """After an answer was lost nobody is put at risk before the dealer answers something harmless. Raises Outside."""
    if account.account_id in hands.shaken:
        reply = hands.line(account).ask(harmless())
        if reply.status >= FIRST_SERVER_ERROR:
            raise Outside("the dealer is still not well", retryable=True, raw=reply.body[:2000])
        hands.shaken.discard(account.account_id)


def _send_one(hands: Hands, found: Dispatch, account: LiveAccount, chunk: Chunk) -> bool:
    """The chunk is handed over. False: it is not this worker's any more, or the dispatch stopped sending.

    Raises DealerRefused or Unsent when nothing left, the chunk being put back, and Outside when it is in doubt.
    """
    adapter, line = made_by(account), hands.line(account)
    key = key_of(found.campaign_id, chunk)
    handover.note_opening(hands, found, chunk)
    batch = handover.render(hands.sealer, found, account, chunk)
    try:
        body = adapter.encode(batch)
    except ValueError as wrong:
        cannot_say(hands, found, chunk, wrong)
    facts = {"campaign": found.campaign_id, "chunk": chunk.chunk_no, "attempt": chunk.attempt, "key": key}
    lease = max(hands.lease_seconds, adapter.abilities[batch.kind].takes_seconds)
    committed = {"worker": hands.worker, "lease": lease, "now": clock.now(), "rule_set": RULE_SET_VERSION}
    if not run(hands.connection, "key", **facts, **committed).rowcount:
        run(hands.connection, "put_back", campaign=found.campaign_id, chunks=[chunk.chunk_no], worker=hands.worker)
        return False
    crash("before_hand_over")
    began = time.monotonic()
    try:
        wire = adapter.send_request(batch.kind, body, key)
        handed = adapter.decode_handed(line.call(wire), batch)
    except (Unsent, DealerRefused) as refused:
        if isinstance(refused, AlreadyTaken):
            _look_at_once(hands, found, key)
        else:
            run(hands.connection, "put_back", campaign=found.campaign_id, chunks=[chunk.chunk_no], worker=hands.worker)
        raise
    except Outside:
        hands.shaken.add(account.account_id)
        _look_at_once(hands, found, key)
        raise
    crash("after_hand_over")
    if found.is_text_instead:
        crash("fallback_handed")
    if time.monotonic() - began > pace.SLOW_SECONDS:
        pace.trouble(hands.connection, found.root_id, found.account_id, SLOW, now=clock.now(), factor=pace.SLOWER)
    told = np.frombuffer(handed.outcomes.translate(_HANDED), np.uint8)
    np.frombuffer(chunk.outcome, np.uint8)[list(batch.positions)] = told
    seal = evidence.request_hash(hands.sealer, found.root_id, wire.body)
    now = clock.now()
    with hands.connection.transaction():
        look = hands.look_seconds if handed.ref else 0.0
        rows = {"ref": handed.ref or key, "outcome": bytes(chunk.outcome), "hash": seal, "now": now, "look": look}
        if not run(hands.connection, "taken", **facts, **rows).rowcount:
            _came_late(hands, found, chunk, batch.positions, told)
            return False
        ledger.write_cost(
            hands.connection,
            found,
            "charged",
            {chunk.chunk_no: (chunk.attempt, chunk.outcome.count(ACCEPTED) + chunk.outcome.count(IN_DOUBT))},
            now,
        )
        write_refusals(hands.connection, found, [chunk], now)
    return True


def cannot_say(hands: Hands, found: Dispatch, chunk: Chunk, wrong: ValueError) -> NoReturn:
    """The chunk goes back; nobody can be told this through this dealer. Raises DealerRefused."""
    run(hands.connection, "put_back", campaign=found.campaign_id, chunks=[chunk.chunk_no], worker=hands.worker)
    raise DealerRefused("CANNOT_SAY", str(wrong), pause="CANNOT_SAY") from wrong


def _came_late(hands: Hands, found: Dispatch, chunk: Chunk, positions: Sequence[int], told: NDArray[np.uint8]) -> None:
    """The answer came when others had sent the chunk again: whom this request reached too is written down as a repeat."""
    rows = run(hands.connection, "attempt", campaign=found.campaign_id, chunk=chunk.chunk_no).fetchall()
    if rows and rows[0][0] > chunk.attempt:
        repeats = ledger.Exceptions([])
        again = replace(chunk, attempt=rows[0][0])
        for seq in np.asarray(positions)[told == ACCEPTED].tolist():
            repeats.add(again, seq, REPEAT, key_of(found.campaign_id, chunk))
        repeats.write(hands.connection, found.campaign_id)
        log.error("a request was answered after its people were sent again", extra={"chunk": chunk.chunk_no})


def _hold(hands: Hands, held: Claim, waiting: Sequence[Chunk]) -> None:
    """The lease of what waits for its turn begins anew."""
    numbers = [one.chunk_no for one in waiting]
    facts = {"campaign": held.campaign_id, "chunks": numbers, "worker": hands.worker, "lease": hands.lease_seconds}
    run(hands.connection, "hold_waiting", **facts)


def _back(hands: Hands, held: Claim, waiting: Sequence[Chunk]) -> None:
    """These have not left: they are ready again."""
    ledger.put_back(hands.connection, replace(held, chunks=list(waiting)), hands.worker)


def _look_at_once(hands: Hands, found: Dispatch, key: str) -> None:
    run(hands.connection, "look_later", campaign=found.campaign_id, group=key, worker=hands.worker, look=0.0)


def _stand_still(hands: Hands, found: Dispatch, held: Claim, refused: DealerRefused) -> None:
    """The dealer said no to the whole: nobody failed. The dispatch pauses or rests."""
    if isinstance(refused, NoBalance) or refused.pause:
        reason, problem = PAUSES.get(refused.pause or "NO_BALANCE", REFUSES)
        ledger.pause(hands.connection, found.campaign_id, reason, f"{problem} ({refused.code})")
    else:
        seconds = rest_seconds(held, refused.after_seconds)
        pace.trouble(hands.connection, found.root_id, found.account_id, BUSY, now=clock.now(), rest=seconds)
        run(
            hands.connection,
            "rest",
            campaign=found.campaign_id,
            seconds=seconds,
            problem="대행사가 잠시 받지 않습니다.",
        )


# Doubt
def in_doubt(hands: Hands, found: Dispatch, account: LiveAccount, key: str, numbers: Sequence[int]) -> None:
    """A claimed chunk with a key, whose worker died or lost the answer: the dealer is asked for the key."""
    ability = made_by(account).abilities[found.template.kind]
    row = run(hands.connection, "keyed", campaign=found.campaign_id, key=key).fetchone()
    if row is None:  # a report has told the reference meanwhile
        return
    *_, at, seconds = row
    later = {"campaign": found.campaign_id, "group": key, "worker": hands.worker}
    try:
        ref = _asked(hands, found, account, key, at) if ability.finds is not Finds.NEVER else ""
    except Outside:
        hands.shaken.add(account.account_id)
        run(hands.connection, "look_later", **later, look=ASK_AGAIN_SECONDS)
        return
    if ref:
        _adopt(hands, found, key, ref)
    elif ability.finds is not Finds.NEVER and seconds < ability.find_seconds:
        run(hands.connection, "look_later", **later, look=ASK_AGAIN_SECONDS)
    elif ability.finds is Finds.SURELY:
        _send_again(hands, found, key, numbers)
    else:
        wait_for_news(hands, found, key)


def _asked(hands: Hands, found: Dispatch, account: LiveAccount, key: str, at: datetime, denials: int = DENIALS) -> str:
    """The dealer's reference of a key, or "" when it denied it again and again. ``at``: by the database. Raises Outside."""
    adapter, line, kind = made_by(account), hands.line(account), found.template.kind
    at = clock.of_database(at)
    for denial in range(denials):
        if denial:
            time.sleep(ASK_AGAIN_SECONDS)
        if ref := adapter.decode_found(line.ask(adapter.find_request(kind, key, at)), kind, key):
            return ref
    return ""


def _adopt(hands: Hands, found: Dispatch, key: str, ref: str) -> None:
    """The request was taken: the chunk is handed under the dealer's reference, and charged if it was not."""
    now = clock.now()
    with hands.connection.transaction():
        before = run(hands.connection, "keyed", campaign=found.campaign_id, key=key).fetchall()
        facts = {"campaign": found.campaign_id, "key": key, "ref": ref, "now": now}
        for number, attempt, outcome in run(hands.connection, "adopt_ref", **facts).fetchall():
            if before[0][2] == ChunkState.CLAIMED:
                counts = {number: (attempt, outcome.count(ACCEPTED))}
                ledger.write_cost(hands.connection, found, "charged", counts, now)


def _send_again(hands: Hands, found: Dispatch, key: str, numbers: Sequence[int]) -> None:
    """The dealer is sure that there was no such request. Who is sent again on its word is written down first."""
    facts = {"campaign": found.campaign_id, "worker": hands.worker}
    with hands.connection.transaction():
        run(hands.connection, "again", **facts, key=key)
        run(hands.connection, "put_back", **facts, chunks=list(numbers))


def wait_for_news(hands: Hands, found: Dispatch, key: str) -> None:
    """Nobody can say whether it was taken: it counts as left, in doubt and paid for, until something tells."""
    now = clock.now()
    with hands.connection.transaction():
        for number, attempt, outcome in run(
            hands.connection, "waits", campaign=found.campaign_id, key=key, worker=hands.worker, now=now
        ).fetchall():
            counts = {number: (attempt, outcome.count(IN_DOUBT))}
            ledger.write_cost(hands.connection, found, "charged", counts, now)
    log.warning("nobody can say whether a request was taken", extra={"key": key})


def named(hands: Hands, woken: Sequence[Wake]) -> None:
    """Reports that say our key tell what the dealer calls a request that is in doubt; the look then fetches the rest."""
    for wake in woken:
        if wake.ref and (parts := re.fullmatch(r"(\d{1,10})-\d{1,9}-\d{1,5}", wake.group)):
            campaign = int(parts[1])
            facts = {"campaign": campaign, "key": wake.group, "account": wake.account_id}
            row = run(hands.connection, "doubted", **facts).fetchone()
            made = registry.adapter(row[0]) if row else None
            if row is not None and made is not None and issubclass(made, Direct):
                found = hands.dispatch(campaign, is_text_instead=row[1])
                ability = made.abilities[found.template.kind]
                if ability.reports and ability.echoes_our_id:
                    _adopt(hands, found, wake.group, wake.ref)


# Results
def look(
    hands: Hands,
    found: Dispatch,
    account: LiveAccount,
    group: str,
    *,
    left_seconds: float,
    is_overdue: bool,
    open_cells: int,
) -> None:
    """Ask for the results of a handed chunk and write down what is known of it; look again later if something is open."""
    wait = settle.next_look(hands, left_seconds)
    later = {"campaign": found.campaign_id, "group": group, "worker": hands.worker}
    tells = made_by(account).abilities[found.template.kind].tells_results
    is_overdue = is_overdue or not tells
    told = None
    try:
        if open_cells and _is_key(found.campaign_id, group):
            if not is_overdue:
                _look_for_key(hands, found, account, group, wait)
                return
        elif open_cells and tells:
            told = _listing(hands, found, account, group)
    except UnknownGroup:
        if left_seconds < settle.FORGOTTEN_SECONDS:
            run(hands.connection, "look_later", **later, look=wait)
            return
        is_overdue = True
    except Outside:
        run(hands.connection, "look_later", **later, look=max(wait, ASK_AGAIN_SECONDS))
        return
    settle.write(hands, found, group, told, is_last=is_overdue, look_seconds=wait)


def _look_for_key(hands: Hands, found: Dispatch, account: LiveAccount, key: str, wait: float) -> None:
    """Once more whether the request can be found by now; its absence proves nothing."""
    ref = ""
    row = run(hands.connection, "keyed", campaign=found.campaign_id, key=key).fetchone()
    if row is not None and made_by(account).abilities[found.template.kind].finds is not Finds.NEVER:
        ref = _asked(hands, found, account, key, row[3], denials=1)
    if ref:
        _adopt(hands, found, key, ref)
    else:
        run(hands.connection, "look_later", campaign=found.campaign_id, group=key, worker=hands.worker, look=wait)


def _listing(hands: Hands, found: Dispatch, account: LiveAccount, group: str) -> Told:
    """All results of a request, page by page, as cells of its chunk. Whoever is not of this campaign is passed over."""
    adapter, line, kind = made_by(account), hands.line(account), found.template.kind
    [(number, outcome, was_answered, count, values, seconds)] = run(
        hands.connection, "of_request", campaign=found.campaign_id, ref=group, worker=hands.worker
    ).fetchall()
    cells = np.frombuffer(outcome, np.uint8)
    sent = np.flatnonzero(cells != LEFT_OUT)
    named = np.zeros(len(cells), np.uint8)
    seq_of: dict[bytes, int] | None = None
    key = ""
    while True:
        page = adapter.decode_results(line.ask(adapter.results_request(kind, group, key)), kind)
        if page.numbers is not None:
            seq_of = seq_of or _by_number(hands, found, number, values, count)
            at, codes = _numbered(page.numbers, seq_of)
        else:
            at, codes = _seqs(page, found.campaign_id, number, sent)
        outcome_of = {code: adapter.outcome(code) for code in set(page.codes)}
        bytes_of = np.frombuffer(bytes([outcome_of[code] for code in page.codes]), np.uint8)
        named[at] = _LEDGER[bytes_of[codes]]
        if not page.next_key or page.next_key == key or not len(page):
            break
        key = page.next_key
    is_complete = not (named == ACCEPTED).any() and seconds >= adapter.abilities[kind].find_seconds
    if is_complete and named.any():
        # The answer that would have said so is lost, or did not name them; whoever is not on the list was not taken.
        unnamed = sent[(named[sent] == 0) & (cells[sent] == IN_DOUBT if was_answered else True)]
        named[unnamed] = Outcome.NOT_TAKEN
    seqs = np.flatnonzero(named)
    return Told(chunks=np.full(len(seqs), number, np.int64), seqs=seqs, bytes=named[seqs])


def _by_number(hands: Hands, found: Dispatch, chunk: int, values: bytes, count: int) -> dict[bytes, int]:
    """Whose number is whose place in the chunk, for a dealer that names people by nothing else (docs/decisions/0040)."""
    facts = {"campaign": found.campaign_id, "root": found.root_id, "unit": found.unit_id, "chunks": [chunk]}
    run(hands.connection, "opened_again", **facts, counts=[count], now=clock.now())
    numbers, *_ = sealed.opened(hands.sealer, found.root_id, found.campaign_id, chunk, values, count)
    return {number: seq for seq, number in enumerate(numbers)}


def _numbered(numbers: Sequence[str], seq_of: Mapping[bytes, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As ``_seqs``, by the number that each row is about."""
    seqs = np.array([seq_of.get(number.encode(), -1) for number in numbers], np.int64)
    rows = np.flatnonzero(seqs >= 0)
    return seqs[rows], rows


def _seqs(
    page: Page, campaign: int, chunk: int, sent: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions in the chunk that a page tells of, and for each its row: by our id, or by the place in the request."""
    ours = our_ids(page.ids)
    size = int(sent[-1]) + 1 if len(sent) else 0
    rows = np.flatnonzero((ours[:, 0] == campaign) & (ours[:, 1] == chunk) & (ours[:, 2] < size))
    if page.places is None or len(rows):
        return ours[rows, 2], rows
    places = np.asarray(page.places, np.int64)
    rows = np.flatnonzero((places >= 0) & (places < len(sent)))
    return sent[places[rows]], rows
