"""Sends groups: money, night, outcomes, and the moment each outcome becomes known."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import numpy as np

from majung_sandbox import codes
from majung_sandbox.clock import Clock, iso
from majung_sandbox.errors import GatewayError
from majung_sandbox.faults import Faults
from majung_sandbox.store import Batch, Group
from majung_sandbox.world import World

REPORT_DELAY_SECONDS = 0.2
LATE_FACTOR = 10
LATE_ENDING = 99

_FALLS_BACK = (codes.NOT_A_FRIEND, codes.NO_TALK, codes.BLOCKS_TALK, codes.TEMPLATE_MISMATCH, codes.OUT_OF_HOURS)


class Dispatch:
    """Takes a filled group to its end. `on_settled` hears of every batch part whose outcomes became known."""

    def __init__(self, clock: Clock, world: World, faults: Faults, on_settled: Callable[[Group, Batch, list[int]], None],
                 on_complete: Callable[[Group], None]) -> None:  # fmt: skip
        self._clock = clock
        self._world = world
        self._faults = faults
        self._on_settled = on_settled
        self._on_complete = on_complete
        self._schedules: dict[str, asyncio.TimerHandle] = {}
        self.report_delay_seconds = REPORT_DELAY_SECONDS

    def send(self, group: Group) -> None:
        """Charge and send a PENDING group; 402 leaves it as it is, with the balance untouched."""
        if group.status != "PENDING":
            raise GatewayError(400, "InvalidStatus", f"{group.status} 상태의 그룹은 보낼 수 없습니다.")
        if not any((batch.registered == codes.ACCEPTED).any() for batch in group.batches):
            raise GatewayError(400, "FailedGroup", "보낼 수 있는 메시지가 없습니다.")
        self._charge(group)
        self._leave(group)

    def send_at_once(self, group: Group) -> None:
        """Send the group of a send-many call; a group in which nothing was accepted ends at once."""
        if any((batch.registered == codes.ACCEPTED).any() for batch in group.batches):
            self.send(group)
        else:
            group.status, group.completed_at = "COMPLETE", self._clock.now()

    def schedule(self, group: Group, at: datetime) -> None:
        """Send later, by the sandbox's clock; money is taken then."""
        if group.status != "PENDING":
            raise GatewayError(400, "InvalidStatus", f"{group.status} 상태의 그룹은 예약할 수 없습니다.")
        if at <= self._clock.now():
            self.send(group)
            return
        group.status, group.scheduled_at, group.updated_at = "SCHEDULED", at, self._clock.now()
        self._wait_for(group, at)

    def cancel(self, group: Group) -> None:
        """Take a schedule back; the group then is FAILED, as the gateway has it."""
        if group.status != "SCHEDULED":
            raise GatewayError(400, "InvalidStatus", "예약된 그룹이 아닙니다.")
        self._schedules.pop(group.group_id).cancel()
        group.status, group.updated_at = "FAILED", self._clock.now()

    def clock_changed(self, groups: list[Group]) -> None:
        """Aim the timers of scheduled groups anew."""
        for group in groups:
            if group.status == "SCHEDULED" and group.scheduled_at is not None:
                self._schedules.pop(group.group_id).cancel()
                self._wait_for(group, group.scheduled_at)

    def _wait_for(self, group: Group, at: datetime) -> None:
        seconds = max(0.0, (at - self._clock.now()).total_seconds())
        self._schedules[group.group_id] = asyncio.get_running_loop().call_later(seconds, self._send_scheduled, group)

    def _send_scheduled(self, group: Group) -> None:
        self._schedules.pop(group.group_id, None)
        group.status = "PENDING"
        try:
            self.send(group)
        except GatewayError as refusal:
            group.status = "FAILED"
            group.log.append({"message": refusal.message, "createAt": iso(self._clock.now())})

    def _charge(self, group: Group) -> None:
        prices = np.array(group.account.price_list(), np.int64)
        cost = sum(int(prices[batch.kinds[batch.registered == codes.ACCEPTED]].sum()) for batch in group.batches)
        if not group.on_credit and (self._faults.settings.no_balance or group.account.balance_centiwon < cost):
            raise GatewayError(402, "NotEnoughBalance", "잔액이 모자랍니다.")
        group.account.balance_centiwon -= cost
        group.charged_centiwon = cost

    def _leave(self, group: Group) -> None:
        now, night = self._clock.now(), self._clock.is_night()
        group.hidden = self._faults.hide_now(group.group_id)
        for batch in group.batches:
            self._decide(batch, night)
        group.status, group.sent_at, group.updated_at = "SENDING", now, now
        group.seen_numbers = set()
        loop = asyncio.get_running_loop()
        late = any(((b.registered == codes.ACCEPTED) & (b.numbers % 100 == LATE_ENDING)).any() for b in group.batches)
        loop.call_later(self.report_delay_seconds, self._settle, group, False, not late)
        if late:
            loop.call_later(self.report_delay_seconds * LATE_FACTOR, self._settle, group, True, True)

    def _decide(self, batch: Batch, night: bool) -> None:
        by_world = self._world.outcomes(batch.numbers, batch.channels, batch.channel_of, batch.kinds, night)
        batch.outcome = np.where(batch.outcome == 0, by_world, batch.outcome)
        batch.replaced = batch.fallback & np.isin(batch.outcome, _FALLS_BACK)
        batch.outcome[batch.replaced] = codes.DELIVERED
        batch.late = batch.numbers % 100 == LATE_ENDING
        if (probability := self._faults.settings.never_probability) > 0:
            dice = np.random.default_rng(self._faults.random.getrandbits(64))
            batch.outcome[dice.random(len(batch)) < probability] = codes.WAITING

    def _settle(self, group: Group, late: bool, last: bool) -> None:
        prices = np.array(group.account.price_list(), np.int64)
        for batch in group.batches:
            batch.settled[late] = True
            part = (batch.registered == codes.ACCEPTED) & (batch.late == late)
            failed = part & (batch.outcome != codes.DELIVERED) & (batch.outcome != codes.WAITING)
            refund = int(prices[batch.kinds[failed]].sum())
            # A message that became a text costs what the text costs (kakao.md §3.5).
            replaced = part & batch.replaced
            refund += int(prices[batch.kinds[replaced]].sum()) - int(replaced.sum()) * int(prices[codes.LMS])
            group.account.balance_centiwon += refund
            group.refunded_centiwon += refund
            group.refunded_count += int(failed.sum())
            self._on_settled(group, batch, np.nonzero(part & (batch.outcome != codes.WAITING))[0].tolist())
        group.updated_at = self._clock.now()
        if last and not any(self._never(batch) for batch in group.batches):
            group.status, group.completed_at = "COMPLETE", group.updated_at
            self._on_complete(group)

    @staticmethod
    def _never(batch: Batch) -> bool:
        return bool(((batch.registered == codes.ACCEPTED) & (batch.outcome == codes.WAITING)).any())
