"""What was left behind: claims of dead workers, lost answers, groups to look at. Asked of the provider, never sent blindly (O6)."""

import logging
import time
from typing import Any

from majung.channels.accounts import LiveAccount
from majung.channels.adapters.base import Direct, Group, GroupState, UnknownGroup, WrongState
from majung.channels.adapters.single import Single
from majung.channels.lines import AnyLine
from majung.core import clock
from majung.core.errors import Misconfigured, Outside
from majung.core.sealing import Unreadable
from majung.delivery import direct, ledger, settle, singles
from majung.delivery.handover import Hands
from majung.delivery.ledger import Dispatch, run
from majung.delivery.outcomes import ACCEPTED, ChunkState

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 1.0
DENIALS = 3
"""So often, a second apart, must the provider deny a group before its people are sent again (decision 0002)."""


def tend(hands: Hands) -> bool:
    """Take the one thing whose time came first: a group to look at, or chunks whose worker died. False: nothing is due."""
    with hands.connection.transaction():
        due = run(hands.connection, "out").fetchone()
        if due is None:
            return False
        campaign, group, state = due
        facts = {"campaign": campaign, "group": group, "state": state, "worker": hands.worker}
        rows = run(hands.connection, "adopt", **facts, lease=hands.lease_seconds, now=clock.now()).fetchall()
    if not rows:
        return True
    numbers = [row[0] for row in rows]
    if group is None:
        _ready_again(hands, campaign, numbers)
        return True
    found = hands.dispatch(campaign, is_text_instead=rows[0][4])
    try:
        account = hands.account(found.account_id)
    except (Misconfigured, LookupError, Unreadable):
        _nobody_to_ask(hands, found, group, state, is_overdue=_is_overdue(rows))
        return True
    at_once, one_by_one = isinstance(account.adapter, Direct), isinstance(account.adapter, Single)
    if state == ChunkState.HANDED:
        facts = {
            "left_seconds": max(row[1] for row in rows),
            "is_overdue": _is_overdue(rows),
            "open_cells": sum(row[3] for row in rows),
        }
        if one_by_one:
            singles.look(hands, found, account, group)
        elif at_once:
            direct.look(hands, found, account, group, **facts)
        else:
            settle.look(hands, campaign, group, **facts)
    elif one_by_one:
        singles.in_doubt(hands, found, group)
    elif at_once:
        direct.in_doubt(hands, found, account, group, numbers)
    else:
        _in_doubt(hands, found, group, numbers)
    return True


def _is_overdue(rows: list[tuple[Any, ...]]) -> bool:
    return bool(max(row[2] for row in rows) > settle.PATIENCE.total_seconds())


def _nobody_to_ask(hands: Hands, found: Dispatch, group: str, state: int, *, is_overdue: bool) -> None:
    """The account is closed or its keys are gone. They may come back; when patience ends, what is known is the last word."""
    if not is_overdue:
        facts = {"campaign": found.campaign_id, "group": group, "worker": hands.worker}
        run(hands.connection, "look_later", **facts, look=settle.LONGEST_LOOK_SECONDS)
        return
    with hands.connection.transaction():
        if state == ChunkState.CLAIMED:
            direct.wait_for_news(hands, found, group)
        settle.write(hands, found, group, None, is_last=True, look_seconds=settle.LONGEST_LOOK_SECONDS)


def _in_doubt(hands: Hands, found: Dispatch, group: str, numbers: list[int]) -> None:
    """Claimed chunks that have a group: the provider says whether it left."""
    account = hands.account(found.account_id)
    adapter, line = account.basket, hands.line(account)
    try:
        seen = _asked(account, line, group)
        if seen is None:
            _send_again(hands, found, numbers)
            return
        if seen.state is GroupState.OPEN:
            # Thrown away before anything is done anew: a worker that was only slow cannot send it any more.
            seen = adapter.decode_group(line.ask(adapter.drop_group_request(group)))
    except (WrongState, Outside):
        facts = {"campaign": found.campaign_id, "group": group, "worker": hands.worker}
        run(hands.connection, "look_later", **facts, look=ASK_AGAIN_SECONDS)
        return
    if seen.state in (GroupState.SENT, GroupState.DONE):
        _has_left(hands, found, numbers)
    else:
        _ready_again(hands, found.campaign_id, numbers)


def _asked(account: LiveAccount, line: AnyLine, group: str) -> Group | None:
    """The group as the provider tells it, or None when it denied it again and again. Raises Outside."""
    for denial in range(DENIALS):
        if denial:
            time.sleep(ASK_AGAIN_SECONDS)
        try:
            return account.basket.decode_group(line.ask(account.basket.group_request(group)))
        except UnknownGroup:
            log.warning("the provider denies a group", extra={"group": group, "denial": denial + 1})
    return None


def _has_left(hands: Hands, found: Dispatch, numbers: list[int]) -> None:
    now = clock.now()
    facts = {"campaign": found.campaign_id, "chunks": numbers, "worker": hands.worker, "now": now}
    with hands.connection.transaction():
        rows = run(hands.connection, "doubt_left", **facts).fetchall()
        counts = {number: (attempt, outcome.count(ACCEPTED)) for number, attempt, outcome in rows}
        ledger.write_cost(hands.connection, found, "charged", counts, now)


def _send_again(hands: Hands, found: Dispatch, numbers: list[int]) -> None:
    """The provider has no record: only these people again, under the same ids, and every repeat is written down first."""
    facts = {"campaign": found.campaign_id, "chunks": numbers, "worker": hands.worker}
    with hands.connection.transaction():
        run(hands.connection, "repeats", **facts)
        run(hands.connection, "put_back", **facts)


def _ready_again(hands: Hands, campaign: int, numbers: list[int]) -> None:
    run(hands.connection, "put_back", campaign=campaign, chunks=numbers, worker=hands.worker)
