"""Dealers of one person a request: a chunk's key is committed, then its people leave one by one (docs/decisions/0039).

The order of commits is ``direct``'s, a chunk at a time: claimed → key → each person → handed. Of each person it is known then:
answered; certainly not sent, who stands in a further chunk from then on; or sent without an answer, who is *in doubt*, as is
everybody of a worker that died in between. ``inquiry`` asks for these, and for results.
"""

import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from majung.channels.accounts import LiveAccount
from majung.channels.adapters.base import DealerRefused
from majung.channels.adapters.outcomes import Outcome
from majung.channels.stream import Fate, Stream
from majung.core import clock
from majung.core.errors import Outside
from majung.delivery import direct, evidence, handover, inquiry, ledger, pace, rejudge, waves
from majung.delivery.handover import LAST_MOMENT, SLOW, Hands, crash, is_lent
from majung.delivery.ledger import Chunk, Claim, Dispatch, run
from majung.delivery.outcomes import ACCEPTED, IN_DOUBT, LEDGER, NOT_YET, REPEAT, WAITED
from majung.delivery.refusals import write_refusals
from majung.policy.rules import RULE_SET_VERSION

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""When the first look at a chunk is due while more is waiting to be sent: what is listed by time is listed for many at once."""

look, in_doubt, made_by = inquiry.look, inquiry.in_doubt, inquiry.made_by


def send(hands: Hands, found: Dispatch, account: LiveAccount, held: Claim) -> None:
    """The chunks of a claim leave, one after the other; what has not left when something is in the way goes back."""
    look_seconds = max(hands.look_seconds, LOOK_SECONDS) if held.has_more else hands.look_seconds
    harmless = made_by(account).probe_request
    direct.chunk_by_chunk(
        hands, found, account, held, harmless, lambda chunk: _Crossing(hands, found, account, chunk).go(look_seconds)
    )


class _Crossing:
    """One chunk on its way: what was said of each person so far, and whether the next may leave."""

    def __init__(self, hands: Hands, found: Dispatch, account: LiveAccount, chunk: Chunk) -> None:
        self.hands, self.found, self.account, self.chunk = hands, found, account, chunk
        self.key = direct.key_of(found.campaign_id, chunk)
        self.made = made_by(account)
        self.trouble: Outside | None = None
        self._held_until = self._looked_at = 0.0

    def go(self, look_seconds: float) -> bool:
        """The chunk is handed over, or as much of it as could be. False: it is not this worker's, or nothing may leave.

        Raises DealerRefused, Unsent or Outside when somebody was not sent; who that is, is put back or stands in a further chunk.
        """
        hands, found, chunk = self.hands, self.found, self.chunk
        if not self._commit_key():
            self._put_back()
            return False
        try:
            batch = handover.render(hands.sealer, found, self.account, chunk)
            bodies = self.made.encode_each(batch)
        except ValueError as wrong:
            direct.cannot_say(hands, found, chunk, wrong)
        except Exception:
            self._put_back()  # nothing has left: nobody is in doubt for what cannot be opened
            raise
        stream = hands.stream(self.account, self.made)
        salt = secrets.token_hex(10).encode()
        proofs = self.made.proofs(clock.now(), [b"%b%06d" % (salt, place) for place in range(len(bodies))])
        requests = stream.requests(self.made.send_request(), proofs, bodies)
        crash("before_hand_over")
        told = self._exchange(stream, requests, batch.recipients)
        crash("after_hand_over")
        if found.is_text_instead:
            crash("fallback_handed")
        if (told == NOT_YET).all():
            self._put_back()
        else:
            seal = evidence.request_hash(hands.sealer, found.root_id, b"".join(bodies))
            if not self._commit_handed(np.asarray(batch.positions), told, seal, look_seconds):
                return False
        if self.trouble is not None and (told == NOT_YET).any():
            raise self.trouble
        return not (told == NOT_YET).any()

    def _put_back(self) -> None:
        facts = {"campaign": self.found.campaign_id, "chunks": [self.chunk.chunk_no], "worker": self.hands.worker}
        run(self.hands.connection, "put_back", **facts)

    def _commit_key(self) -> bool:
        """The chunk has its key, and the access log its line, before anything is opened or leaves."""
        facts = {
            "campaign": self.found.campaign_id,
            "chunk": self.chunk.chunk_no,
            "attempt": self.chunk.attempt,
            "key": self.key,
        }
        committed = {"worker": self.hands.worker, "lease": self.hands.lease_seconds, "now": clock.now()}
        opened = {"root": self.found.root_id, "unit": self.found.unit_id, "n": self.chunk.outcome.count(NOT_YET)}
        before = time.monotonic()
        if not run(
            self.hands.connection, "key_opened", **facts, **committed, **opened, rule_set=RULE_SET_VERSION
        ).rowcount:
            return False
        self._looked_at, self._held_until = before, before + self.hands.lease_seconds
        return True

    def _exchange(self, stream: Stream, requests: Sequence[bytes], numbers: Sequence[bytes]) -> NDArray[np.uint8]:
        """One ledger byte a person: NOT_YET is who has certainly not been taken."""
        outcomes = bytearray(len(requests))
        decode, middle = self.made.decode_one, len(requests) // 2

        def heard(place: int, status: int, body: bytes) -> bool:
            try:
                outcomes[place] = decode(status, body, numbers[place])
            except DealerRefused as refused:
                self.trouble = refused
                return False
            except Outside as doubt:
                outcomes[place] = Outcome.IN_DOUBT
                self.trouble = doubt
                self.hands.shaken.add(self.account.account_id)
                return False
            if place == middle:
                crash("during_hand_over")
            return True

        began = time.monotonic()
        try:
            fates = stream.run(requests, heard, self._may_go_on)
        except Outside as unsent:
            self.trouble = unsent
            return np.full(len(requests), NOT_YET, np.uint8)
        rounds = max(1.0, len(requests) / self.made.in_flight)
        if (time.monotonic() - began) / rounds > pace.SLOW_SECONDS:
            root, account = self.found.root_id, self.account.account_id
            pace.trouble(self.hands.connection, root, account, SLOW, now=clock.now(), factor=pace.SLOWER)
        told = np.frombuffer(outcomes.translate(LEDGER), np.uint8).copy()
        told[fates == Fate.LOST] = IN_DOUBT
        told[fates == Fate.UNSENT] = NOT_YET
        if (fates == Fate.LOST).any():
            self.hands.shaken.add(self.account.account_id)
            self.trouble = self.trouble or Outside("answers were lost", retryable=True, after_seconds=1.0)
        return told

    def _may_go_on(self) -> bool:
        """Looked at once a second: the lease begins anew, and right, window and state are as they were."""
        now = time.monotonic()
        if now > self._held_until:
            return False
        if now - self._looked_at < LAST_MOMENT.total_seconds():
            return True
        facts = {"campaign": self.found.campaign_id, "chunks": [self.chunk.chunk_no], "worker": self.hands.worker}
        held = run(self.hands.connection, "hold_on", **facts, group=self.key, lease=self.hands.lease_seconds)
        if held.rowcount != 1 or not is_lent(self.hands, self.found, clock.now()):
            return False
        self._looked_at, self._held_until = now, now + self.hands.lease_seconds
        return rejudge.gate(self.found, {self.chunk.channel_id}, clock.now() + LAST_MOMENT).is_open

    def _commit_handed(
        self, positions: NDArray[np.int64], told: NDArray[np.uint8], seal: bytes, look_seconds: float
    ) -> bool:
        """What is known of everybody is written down; who was certainly not sent stands in a further chunk."""
        hands, found, chunk = self.hands, self.found, self.chunk
        cells = np.frombuffer(chunk.outcome, np.uint8)
        cells[positions] = told
        now = clock.now()
        rest = np.flatnonzero(cells == NOT_YET)
        facts = {"campaign": found.campaign_id, "chunk": chunk.chunk_no, "attempt": chunk.attempt, "key": self.key}
        price = {"message_kind": str(found.template.kind), "unit_centiwon": found.unit_centiwon}
        paid = chunk.outcome.count(ACCEPTED) + chunk.outcome.count(IN_DOUBT)
        rows = {"hash": seal, "now": now, "look": look_seconds, "paid": paid}
        is_plain = not len(rest) and paid == len(positions)  # then all of it is one statement, and one commit
        try:
            with nullcontext() if is_plain else hands.connection.transaction():
                waves.again(hands, found, chunk, rest)
                rows["outcome"] = bytes(chunk.outcome)
                if run(hands.connection, "taken_paid", **facts, **price, **rows).fetchall() != [(1,)]:
                    raise handover.Overtaken
                if not is_plain:
                    write_refusals(hands.connection, found, [chunk], now)
        except handover.Overtaken:
            self._came_late(positions[told == ACCEPTED])
            return False
        return True

    def _came_late(self, reached: NDArray[np.int64]) -> None:
        """Others have the chunk by now. Whom this request reached, and they sent again, is written down as a repeat."""
        facts = {"campaign": self.found.campaign_id, "chunk": self.chunk.chunk_no}
        for (outcome,) in run(self.hands.connection, "cells", **facts).fetchall():
            repeats = ledger.Exceptions([])
            again = replace(self.chunk, attempt=self.chunk.attempt + 1)
            for seq in reached[np.frombuffer(outcome, np.uint8)[reached] == WAITED].tolist():
                repeats.add(again, seq, REPEAT, self.key)
            repeats.write(self.hands.connection, self.found.campaign_id)
            log.error("answers came after their people were asked for", extra=facts)
