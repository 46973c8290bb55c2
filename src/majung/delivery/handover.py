"""Handing chunks over: judged again, dropped or held, rendered, put into a group whose id is committed first, and sent.

The order of commits is the product's promise (peers.md 4.1, O6): claimed → group id → sent → handed. What a lost answer
or a dead worker leaves behind is settled by ``recovery``, never by sending again.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from pyroaring import BitMap

from majung.channels import accounts
from majung.channels.accounts import LiveAccount
from majung.channels.adapters.base import DealerRefused, Direct, Group, GroupState, NoBalance, WrongState
from majung.channels.adapters.single import Single
from majung.channels.adapters.terms import Batch
from majung.channels.line import Lost
from majung.channels.lines import AnyLine, open_line
from majung.channels.stream import Stream
from majung.consent import links
from majung.core import clock
from majung.core.errors import Misconfigured, Outside
from majung.core.sealing import Sealer, Unreadable
from majung.delivery import evidence, ledger, pace, rejudge, sealed, week
from majung.delivery.installation import Tally
from majung.delivery.ledger import Chunk, Claim, Connection, Dispatch, Exceptions, run
from majung.delivery.outcomes import ACCEPTED, IN_DOUBT, LEDGER, LEFT_OUT, NOT_YET, PauseReason
from majung.delivery.refusals import write_refusals
from majung.delivery.rejudge import Bench, Logs
from majung.delivery.route import Router
from majung.policy.enums import Verdict
from majung.policy.judge import Gate
from majung.policy.rules import RULE_SET_VERSION, WEEKLY_CAP
from majung.tree import live
from majung.tree.live import Obstacle

LEASE_SECONDS = 30.0
FIRST_LOOK_SECONDS = 0.3
BUSY_LOOK_SECONDS = 2.0
"""When the first look at a sent group is due while more is waiting to be sent: one look then finds most results in."""
REST_SECONDS, LONGEST_REST_SECONDS = 2.0, 60.0
"""A dispatch rests after trouble, half as long again each time that the same chunks were tried."""
ACCOUNT_SECONDS = 3.0
MOST_DISPATCHES = 64
MARGIN = timedelta(seconds=3)
"""A hand-over is finished within this: what would be closed by then does not begin (no message meets a closed window)."""
LAST_MOMENT = timedelta(seconds=1)
"""As much must be left of the window when the filled group is sent."""
USABLE = frozenset({"ready", "failing"})
"""States of an account that may be sent through (``channels.enums.AccountState``)."""

PAUSES = {
    "NO_BALANCE": (PauseReason.NO_BALANCE, "대행사 계정의 잔액이 모자랍니다. 충전한 뒤 다시 보내 주세요."),
    "ACCOUNT_KEY": (PauseReason.ACCOUNT, "대행사가 계정의 키를 받아들이지 않습니다. 연결을 확인해 주세요."),
    "CLOCK_SKEW": (PauseReason.ACCOUNT, "이 서버의 시계가 대행사와 15분 넘게 다릅니다."),
    "ACCOUNT_CLOSED": (PauseReason.ACCOUNT, "대행사 계정이 멈춰 있습니다."),
    "CANNOT_SAY": (
        PauseReason.ACCOUNT,
        "이 대행사로는 보낼 수 없는 말이 들어 있습니다. 다른 계정으로 새로 보내 주세요.",
    ),
}
BUSY = "대행사가 바쁘다고 답했습니다."
UNREACHED = "대행사가 답하지 않았습니다."
SLOW = "대행사의 답이 느립니다."
REFUSES = (PauseReason.ACCOUNT, "대행사가 요청을 받아들이지 않습니다.")
NOT_LENT = {
    Obstacle.RESTS: "쉬고 있는 조직: {}.",
    Obstacle.MOVED: "‘{}’이(가) 옮겨져, 빌린 권한이 거기까지 닿지 않습니다.",
    Obstacle.REVOKED: "‘{}’에 준 권한이 거두어졌습니다.",
    Obstacle.ENDED: "‘{}’에 준 권한의 기한이 지났습니다.",
    Obstacle.NOT_BEGUN: "‘{}’에 준 권한이 아직 시작되지 않았습니다.",
    Obstacle.NOBODY: "‘{}’에 준 권한을 아직 아무도 받지 않았습니다.",
    Obstacle.KEY: "API 열쇠 ‘{}’이(가) 끝났거나 거두어졌습니다.",
}


class Overtaken(Exception):
    """The chunks are not this worker's any more, or the dispatch stopped sending: nothing may leave."""


@dataclass(slots=True, kw_only=True)
class Known:
    """What the slots of one process have worked out and share: dispatches, routes, rules. All of it can be had again."""

    dispatches: dict[int, Dispatch] = field(default_factory=dict)
    routers: dict[int, Router] = field(default_factory=dict)
    bench: Bench = field(default_factory=Bench)
    failures: Counter[int] = field(default_factory=Counter)
    """Dealers' codes of messages that failed, by how often they were met (``settle.results``)."""


@dataclass(slots=True, kw_only=True)
class Hands:
    """What one slot of a worker holds: its connection, its key, its name, and lines to dealers."""

    connection: Connection
    sealer: Sealer
    worker: str
    lease_seconds: float = LEASE_SECONDS
    look_seconds: float = FIRST_LOOK_SECONDS
    known: Known = field(default_factory=Known)
    lines: dict[tuple[object, ...], AnyLine] = field(default_factory=dict)
    streams: dict[tuple[object, ...], Stream] = field(default_factory=dict)
    accounts: dict[int, tuple[float, LiveAccount]] = field(default_factory=dict)
    logs: Logs = field(default_factory=dict)
    shaken: set[int] = field(default_factory=set)
    """Accounts whose dealer left a request without an answer (``direct``)."""
    tally: Tally = field(default_factory=Tally)
    is_idle: bool = True

    def dispatch(self, campaign: int, *, is_text_instead: bool = False) -> Dispatch:
        """The dispatch of a campaign, or of its text; nothing in it changes, so it is read once."""
        found = self.known.dispatches.get(campaign)
        if found is None:
            if len(self.known.dispatches) >= MOST_DISPATCHES:
                self.known.dispatches.clear()
                self.known.routers.clear()
            found = self.known.dispatches[campaign] = ledger.dispatch(self.connection, campaign)
        return found.as_text() if is_text_instead else found

    def account(self, account_id: int) -> LiveAccount:
        """The dealer account as it was at most a few seconds ago. Raises LookupError, Misconfigured, Unreadable."""
        read_at, found = self.accounts.get(account_id, (0.0, None))
        if found is None or time.monotonic() - read_at > ACCOUNT_SECONDS:
            found = accounts.load(self.connection, self.sealer, account_id)
            self.accounts[account_id] = time.monotonic(), found
            if found.adapter.per_minute:
                pace.declare(self.connection, found.root_id, account_id, found.adapter.per_minute)
        return found

    def line(self, account: LiveAccount) -> AnyLine:
        """The kept-alive line to the account's dealer."""
        if (key := _identity(account)) not in self.lines:
            self.lines[key] = open_line(account.adapter, told=self.tally.of(account.account_id))
        return self.lines[key]

    def stream(self, account: LiveAccount, made: Single) -> Stream:
        """The kept-alive connections to a dealer that is told of one person at a time, as ``made``, its adapter, says."""
        if (key := _identity(account)) not in self.streams:
            told = self.tally.many_of(account.account_id)
            self.streams[key] = Stream(made.account.base_url, made.in_flight, depth=made.pipelined, told=told)
        return self.streams[key]


def _identity(account: LiveAccount) -> tuple[object, ...]:
    opened = account.adapter.account
    return (opened.base_url, opened.key, opened.secret, *sorted(opened.more.items()))


def crash(point: str) -> None:
    """Test hook only: die here, without any goodbye, when ``MAJUNG_CRASH_AT`` says so."""
    if os.environ.get("MAJUNG_CRASH_AT") == point:
        os.kill(os.getpid(), signal.SIGKILL)


def hand_over(hands: Hands, claimed: Claim) -> "Handed | None":
    """Send the claimed chunks, or put them back with the reason written on the dispatch.

    Returns what has left and is not written down yet, when the dealer said, as it took it, that every result is in already:
    for ``settle.at_once``.
    """
    crash("after_claim")
    campaign = claimed.campaign_id
    found = hands.dispatch(campaign, is_text_instead=claimed.is_text_instead)
    if found.is_text_instead:
        crash("fallback_claimed")
    now = clock.now()
    if not _may_leave(hands, found, claimed, now):
        return None
    try:
        account = hands.account(found.account_id)
    except (Misconfigured, LookupError, Unreadable):
        _pause(hands, claimed, PauseReason.ACCOUNT, "대행사 계정의 키가 없거나 열리지 않습니다. 키를 다시 넣어 주세요.")
        return None
    if account.state not in USABLE:
        _pause(hands, claimed, PauseReason.ACCOUNT, "대행사 계정이 연결되어 있지 않습니다.")
        return None
    if not (chunks := _drop(hands, found, claimed, now)):
        return None
    held = replace(claimed, chunks=chunks)
    if isinstance(account.adapter, Direct):
        from majung.delivery import direct  # reason: it builds on this module

        direct.send(hands, found, account, held)
        return None
    if isinstance(account.adapter, Single):
        from majung.delivery import singles  # reason: as direct

        singles.send(hands, found, account, held)
        return None
    group, began = "", time.monotonic()
    try:
        group = _open_group(hands, account, held, now)
        sent = _fill_and_send(hands, found, account, held, group)
    except Overtaken:
        _abandon(hands, account, held, group)
        return None
    except DealerRefused as refused:
        _refused(hands, account, held, group, refused)
        return None
    except Outside as error:
        pace.trouble(hands.connection, found.root_id, found.account_id, UNREACHED, now=now, rest=error.after_seconds)
        _interrupted(hands, held, group, error)
        return None
    if time.monotonic() - began > pace.SLOW_SECONDS * (len(chunks) + 2):
        pace.trouble(hands.connection, found.root_id, found.account_id, SLOW, now=now, factor=pace.SLOWER)
    crash("after_hand_over")
    if found.is_text_instead:
        crash("fallback_handed")
    handed = Handed(found=found, account=account, held=held, ref=group, sent=sent)
    if sent.group is not None and sent.group.state is GroupState.DONE:
        return handed
    write_handed(hands, handed)
    return None


def _may_leave(hands: Hands, found: Dispatch, claimed: Claim, now: datetime) -> bool:
    """Grants and gates, asked again; when something forbids, the chunks go back and the dispatch says why."""
    if not is_lent(hands, found, now):
        _pause(hands, claimed, *_why_not(hands, found, now))
        return False
    gate = _gate(hands, found, claimed, now)
    if found.is_text_instead and len(rejudge.closed_to_texts(found, claimed.chunks, now)) == len(claimed.chunks):
        return True  # all are left out with the gate's reason, and hold up nothing
    if gate.verdict is Verdict.DENY:
        _pause(hands, claimed, PauseReason.RULE, gate.rule.sentence if gate.rule else gate.code)
        return False
    if gate.verdict is Verdict.DEFER and gate.until is not None:
        with hands.connection.transaction():
            ledger.put_back(hands.connection, claimed, hands.worker)
            problem = gate.rule.sentence if gate.rule else gate.code
            run(hands.connection, "hold", campaign=found.campaign_id, until=gate.until, problem=problem)
        return False
    return True


def is_lent(hands: Hands, found: Dispatch, now: datetime) -> bool:
    """Whether the right to send still holds and reaches as far as it must, and the unit works."""
    return live.may_send(hands.connection, found.unit_id, grant_id=found.grant_id, scope_id=found.scope_unit_id, at=now)


def _why_not(hands: Hands, found: Dispatch, now: datetime) -> tuple[PauseReason, str]:
    """What of ``is_lent`` does not hold, for a person."""
    seen = live.stands_in_the_way(
        hands.connection, found.unit_id, grant_id=found.grant_id, scope_id=found.scope_unit_id, at=now
    )
    if seen is None:
        return PauseReason.GRANT_ENDED, ""
    what, name = seen
    return PauseReason.SUSPENDED if what is Obstacle.RESTS else PauseReason.GRANT_ENDED, NOT_LENT[what].format(name)


def _gate(hands: Hands, found: Dispatch, claimed: Claim, now: datetime) -> Gate:
    """The gate of now, and of the moment by which the group will have left."""
    channels = {chunk.channel_id for chunk in claimed.chunks}
    gate = hands.known.bench.gate(found, channels, now)
    return hands.known.bench.gate(found, channels, now + MARGIN) if gate.is_open else gate


def _stays_open(hands: Hands, found: Dispatch, held: Claim, longer: timedelta) -> bool:
    """Whether the gate is open for that much longer: a slow dealer may have taken all the margin."""
    channels = {chunk.channel_id for chunk in held.chunks}
    return hands.known.bench.gate(found, channels, clock.now() + longer).is_open


def _drop(hands: Hands, found: Dispatch, claimed: Claim, now: datetime) -> list[Chunk]:
    """Leave out whom a rule denies now; returns the chunks in which somebody is left."""
    if found.is_text_instead:
        dropped = rejudge.drops_of_texts(hands.connection, hands.known.bench, found, claimed.chunks, now)
    else:
        dropped = rejudge.drops(hands.connection, hands.known.bench, hands.logs, found, claimed.chunks, now)
    if dropped or week.has_moved(found.occasion, now):
        exceptions = Exceptions([])
        reasons: dict[str, list[int]] = {}

        def leave_out(chunk: Chunk, reason: str, people: BitMap) -> None:
            reasons.setdefault(reason, []).extend(people)
            for seq in (at for at in chunk.waiting.tolist() if int(chunk.people[at]) in people):
                exceptions.add(chunk, seq, reason)
                chunk.outcome[seq] = LEFT_OUT

        with hands.connection.transaction():
            for chunk in claimed.chunks:
                for reason, people in dropped.get(chunk.chunk_no, {}).items():
                    leave_out(chunk, reason, people)
            if week.has_moved(found.occasion, now):
                going = np.concatenate([chunk.people[chunk.waiting] for chunk in claimed.chunks])
                full = week.carry_over(hands.connection, found.occasion, going, now)
                for chunk in claimed.chunks:
                    if late := full & BitMap(chunk.people[chunk.waiting]):
                        leave_out(chunk, WEEKLY_CAP, late)
            empty = [chunk for chunk in claimed.chunks if not chunk.is_waiting]
            _write_dropped(hands, found, claimed.chunks, empty, now)
            ledger.write_left_out(hands.connection, found, "hand_over", reasons)
            exceptions.write(hands.connection, found.campaign_id)
    return [chunk for chunk in claimed.chunks if chunk.is_waiting]


def _write_dropped(hands: Hands, found: Dispatch, chunks: list[Chunk], empty: list[Chunk], now: datetime) -> None:
    facts = {"campaign": found.campaign_id, "worker": hands.worker}
    kept = {"chunks": [c.chunk_no for c in chunks], "outcomes": [bytes(c.outcome) for c in chunks]}
    if run(hands.connection, "outcomes", **facts, **kept).rowcount != len(chunks):
        raise Overtaken
    if empty:
        gone = {"chunks": [c.chunk_no for c in empty], "now": now, "rule_set": RULE_SET_VERSION}
        run(hands.connection, "dropped_whole", **facts, **gone)


def _open_group(hands: Hands, account: LiveAccount, held: Claim, now: datetime) -> str:
    """An empty group, its id committed on every chunk before anything is put into it, and with it a line of the access log for
    each chunk whose numbers and names are about to be opened (X2).
    """
    adapter = account.basket
    group = adapter.decode_created(hands.line(account).call(adapter.create_group_request()))
    facts = {"campaign": held.campaign_id, "chunks": held.numbers, "worker": hands.worker, "group": group}
    counts = [chunk.outcome.count(NOT_YET) for chunk in held.chunks]
    done = run(hands.connection, "basket", **facts, counts=counts, now=now, rule_set=RULE_SET_VERSION)
    if done.rowcount != len(held.chunks):
        raise Overtaken
    return group


def note_opening(hands: Hands, found: Dispatch, chunk: Chunk) -> None:
    """A line of the access log for a chunk whose numbers and names are about to be opened (X2)."""
    facts = {"campaign": found.campaign_id, "root": found.root_id, "unit": found.unit_id, "now": clock.now()}
    run(hands.connection, "opened", chunks=[chunk.chunk_no], counts=[chunk.outcome.count(NOT_YET)], **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is known when a group has left: by chunk number, outcomes of registration and the hash of the request."""

    outcomes: Mapping[int, bytes]
    hashes: Mapping[int, bytes]
    group: Group | None = None


def _fill_and_send(hands: Hands, found: Dispatch, account: LiveAccount, held: Claim, group: str) -> Sent:
    adapter, line = account.basket, hands.line(account)
    outcomes: dict[int, bytes] = {}
    hashes: dict[int, bytes] = {}
    renewed_at = looked_at = time.monotonic()
    for chunk in held.chunks:
        if time.monotonic() - looked_at > LAST_MOMENT.total_seconds():
            if not _stays_open(hands, found, held, LAST_MOMENT):
                raise Overtaken
            looked_at = time.monotonic()
        if time.monotonic() - renewed_at > hands.lease_seconds / 3:
            _hold_on(hands, held, group)
            renewed_at = time.monotonic()
        batch = render(hands.sealer, found, account, chunk)
        body = adapter.encode(batch)
        wire = adapter.add_messages_request(group, body)
        told = adapter.decode_added(line.call(wire), batch).translate(LEDGER)
        if batch.seqs is None:
            chunk.outcome[:] = told
        else:
            np.frombuffer(chunk.outcome, np.uint8)[list(batch.seqs)] = np.frombuffer(told, np.uint8)
        outcomes[chunk.chunk_no] = bytes(chunk.outcome)
        hashes[chunk.chunk_no] = evidence.request_hash(hands.sealer, found.root_id, wire.body)
    if not _stays_open(hands, found, held, LAST_MOMENT):
        raise Overtaken
    _write_registered(hands, found, held, group)
    taken = any(ACCEPTED in outcome or IN_DOUBT in outcome for outcome in outcomes.values())
    return Sent(outcomes=outcomes, hashes=hashes, group=_send(line, account, group) if taken else None)


def _write_registered(hands: Hands, found: Dispatch, held: Claim, group: str) -> None:
    """The last look before sending; whom registration refused is final now, whatever becomes of the group."""
    accepted = bytes.maketrans(bytes((ACCEPTED, IN_DOUBT)), bytes((NOT_YET, NOT_YET)))
    if not is_lent(hands, found, clock.now()):
        raise Overtaken
    if all(
        chunk.outcome.count(ACCEPTED) + chunk.outcome.count(IN_DOUBT) == len(chunk.outcome) for chunk in held.chunks
    ):
        _still_holds(hands, held, group)
        return
    with hands.connection.transaction():
        _hold_on(hands, held, group)
        facts = {"campaign": held.campaign_id, "worker": hands.worker, "chunks": held.numbers}
        run(hands.connection, "outcomes", **facts, outcomes=[bytes(c.outcome).translate(accepted) for c in held.chunks])
        write_refusals(hands.connection, found, held.chunks, clock.now())


def _still_holds(hands: Hands, held: Claim, group: str) -> None:
    """As ``_hold_on``; nothing is written while half of the lease is left."""
    facts = {"campaign": held.campaign_id, "chunks": held.numbers, "worker": hands.worker, "group": group}
    if run(hands.connection, "holds", **facts, lease=hands.lease_seconds).fetchone() != (len(held.chunks),):
        _hold_on(hands, held, group)


def _hold_on(hands: Hands, held: Claim, group: str) -> None:
    """The lease begins anew. Raises Overtaken when it has ended, or the dispatch does not send any more."""
    facts = {"campaign": held.campaign_id, "chunks": held.numbers, "worker": hands.worker, "group": group}
    if run(hands.connection, "hold_on", **facts, lease=hands.lease_seconds).rowcount != len(held.chunks):
        raise Overtaken


def _send(line: AnyLine, account: LiveAccount, group: str) -> Group:
    """Send the group; after a lost answer it is asked whether it left. If not, its chunks go the way of what is in doubt: by then
    minutes may have passed, so the group is thrown away and everybody is judged anew.
    """
    adapter = account.basket
    try:
        return adapter.decode_sent(line.call(adapter.send_request(group)))
    except (Lost, WrongState):
        seen = adapter.decode_group(line.ask(adapter.group_request(group)))
        if seen.state not in (GroupState.SENT, GroupState.DONE):
            raise
        return seen


def render(sealer: Sealer, found: Dispatch, account: LiveAccount, chunk: Chunk) -> Batch:
    """The waiting people of a chunk as the adapter wants them: numbers and names opened here, and nowhere kept."""
    positions, template = chunk.waiting, found.template
    people, seqs = chunk.people[positions], positions.tolist()
    is_whole = len(seqs) == len(chunk.people)
    columns = sealed.opened(
        sealer, found.root_id, found.campaign_id, chunk.chunk_no, chunk.sealed, len(chunk.people)
    )  # fmt: skip
    chunk.opened = columns
    numbers, *rest = columns if is_whole else [[column[at] for at in seqs] for column in columns]
    mine = None
    if template.needs_link:
        base = template.link_base.encode()
        mine = links.tokens(found.root_id, people, found.campaign_id, sealer=sealer, before=base)
    channel = chunk.channel_id
    return Batch(
        kind=template.kind, message=template.message, campaign=found.campaign_id, chunk=chunk.chunk_no, recipients=numbers,
        columns=template.columns(rest[0] if template.needs_name else None, mine),
        constants=template.constants(channel) if channel else {}, seqs=None if is_whole else seqs,
        pf_id=template.local(channel).pf_id if channel else "", sender=template.sender or account.sender,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A group that has left with these chunks, under the dealer's reference ``ref``."""

    found: Dispatch
    account: LiveAccount
    held: Claim
    ref: str
    sent: Sent

    @property
    def accepted(self) -> dict[int, tuple[int, int]]:
        """By chunk number the attempt, and how many left with the group: whom the dealer took, or did not speak of."""
        outcomes = self.sent.outcomes
        return {
            chunk.chunk_no: (chunk.attempt, sum(map(outcomes[chunk.chunk_no].count, (ACCEPTED, IN_DOUBT))))
            for chunk in self.held.chunks
        }

    @property
    def hashes(self) -> list[bytes]:
        """Those of the requests, in the order of the chunks."""
        return [self.sent.hashes[number] for number in self.held.numbers]


def write_handed(hands: Hands, handed: Handed) -> None:
    """What left is written down: outcomes of registration, hashes, money. Of chunks whose lease ended before the dealer answered
    somebody else may have written it already.
    """
    now, held = clock.now(), handed.held
    facts = {
        "chunks": held.numbers, "outcomes": [handed.sent.outcomes[n] for n in held.numbers], "hashes": handed.hashes,
        "look": max(hands.look_seconds, BUSY_LOOK_SECONDS) if held.has_more else hands.look_seconds,
    }  # fmt: skip
    with hands.connection.transaction():
        rows = run(hands.connection, "handed", campaign=held.campaign_id, group=handed.ref, now=now, **facts)
        paid = {number: handed.accepted[number] for (number,) in rows}
        ledger.write_cost(hands.connection, handed.found, "charged", paid, now)


def _pause(hands: Hands, claimed: Claim, reason: PauseReason, problem: str) -> None:
    with hands.connection.transaction():
        ledger.put_back(hands.connection, claimed, hands.worker)
        ledger.pause(hands.connection, claimed.campaign_id, reason, problem)


def rest_seconds(held: Claim, asked: float = 0.0) -> float:
    """How long the dispatch of these chunks rests after trouble: at least as long as the dealer ``asked``."""
    tries = min(held.chunks[0].attempt, 20)
    return max(asked, min(REST_SECONDS * 1.5 ** (tries - 1), LONGEST_REST_SECONDS))


def _refused(hands: Hands, account: LiveAccount, held: Claim, group: str, refused: DealerRefused) -> None:
    """The dealer said no to the whole: nobody failed. The group is thrown away and the dispatch pauses or rests."""
    _abandon(hands, account, held, group)
    if isinstance(refused, NoBalance) or refused.pause:
        reason, problem = PAUSES.get(refused.pause or "NO_BALANCE", REFUSES)
        ledger.pause(hands.connection, held.campaign_id, reason, f"{problem} ({refused.code})")
    else:
        seconds = rest_seconds(held, refused.after_seconds)
        pace.trouble(hands.connection, account.root_id, account.account_id, BUSY, now=clock.now(), rest=seconds)
        run(
            hands.connection, "rest", campaign=held.campaign_id, seconds=seconds, problem="대행사가 잠시 받지 않습니다."
        )


def _interrupted(hands: Hands, held: Claim, group: str, error: Outside) -> None:
    """An answer was lost or the dealer cannot be reached."""
    with hands.connection.transaction():
        if group:
            facts = {"campaign": held.campaign_id, "group": group, "worker": hands.worker}
            run(hands.connection, "look_later", **facts, look=0.0)
        else:
            ledger.put_back(hands.connection, held, hands.worker)
        problem = (
            "대행사의 답이 오지 않아 확인하고 있습니다." if group else "대행사에 닿지 않습니다. 곧 다시 해 봅니다."
        )
        # What has a group is asked for at once: the first time there is nothing to wait for.
        seconds = max(error.after_seconds, rest_seconds(held) - (REST_SECONDS if group else 0.0))
        run(hands.connection, "rest", campaign=held.campaign_id, seconds=seconds, problem=problem)


def _abandon(hands: Hands, account: LiveAccount, held: Claim, group: str) -> None:
    """Nothing may leave: the group is thrown away at the dealer, which also stops whoever else might send it."""
    if not group:
        return ledger.put_back(hands.connection, held, hands.worker)
    adapter, line = account.basket, hands.line(account)
    try:
        adapter.decode_group(line.call(adapter.drop_group_request(group)))
    except Outside:
        facts = {"campaign": held.campaign_id, "group": group, "worker": hands.worker}
        run(hands.connection, "look_later", **facts, look=0.0)
        return None
    return ledger.put_back(hands.connection, held, hands.worker)
