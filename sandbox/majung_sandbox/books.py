"""The sandbox's own books of a campaign, counted from the raw requests and from what became of each message.

A message is *seen* when it was accepted into a group that was really sent, or refused at registration (1026, a repeat
inside one basket, aside). What only lay in a basket that was never sent is not seen.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from majung_sandbox import codes
from majung_sandbox.store import Store

STATES = ("taken", "accepted", "refused", "delivered", "arrived")


def _join(parts: list[NDArray[Any]], kind: Any = np.int64) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)


class Books:
    """Questions over the store; each is answered by array arithmetic over the campaign's messages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _columns(self, campaign: int) -> dict[str, Any]:
        ids, numbers, registered, now, sent = [], [], [], [], []
        requests, first, last = 0, None, None
        for group, batch in self._store.places():
            mine = batch.campaign == campaign
            if not mine.any():
                continue
            requests += 1
            first = batch.arrived if first is None else min(first, batch.arrived)
            last = batch.arrived if last is None else max(last, batch.arrived)
            ids.append(batch.chunk_seq[mine])
            numbers.append(batch.numbers[mine])
            registered.append(batch.registered[mine])
            now.append(batch.codes_now(group.is_sent)[mine])
            sent.append(np.full(int(mine.sum()), group.is_sent))
        return {
            "ids": _join(ids), "numbers": _join(numbers), "registered": _join(registered, np.uint16),
            "now": _join(now, np.uint16), "sent": _join(sent, np.bool_), "requests": requests, "first": first, "last": last,
        }  # fmt: skip

    def count(self, campaign: int) -> dict[str, Any]:
        """Every figure of one campaign."""
        c = self._columns(campaign)
        accepted, refused, taken = _masks(c)
        delivered = accepted & (c["now"] == codes.DELIVERED)
        pending = accepted & (c["now"] == codes.WAITING)
        failed = accepted & ~delivered & ~pending
        _, times_taken = np.unique(c["ids"][accepted], return_counts=True)
        _, times_delivered = np.unique(c["numbers"][delivered], return_counts=True)
        return {
            "campaign": campaign, "requests": c["requests"], "messages": len(c["ids"]),
            "distinct_ids": len(np.unique(c["ids"])), "gateway_saw": len(np.unique(c["ids"][taken])),
            "ids_taken_more_than_once": int((times_taken > 1).sum()),
            "first_arrival": c["first"], "last_arrival": c["last"],
            "gateway_seconds": round(c["last"] - c["first"], 6) if c["first"] is not None else 0.0,
            "accepted": int(accepted.sum()), "refused": int(refused.sum()),
            "refused_by_code": _by_code(c["registered"][refused]), "delivered": int(delivered.sum()),
            "not_delivered": int(failed.sum()), "not_delivered_by_code": _by_code(c["now"][failed]),
            "pending": int(pending.sum()), "in_unsent_baskets": int(((c["registered"] == codes.ACCEPTED) & ~c["sent"]).sum()),
            "numbers_delivered_more_than_once": int((times_delivered > 1).sum()),
        }  # fmt: skip

    def ids(self, campaign: int, state: str) -> bytes:
        """Distinct ids in a state, one a line, in order."""
        c = self._columns(campaign)
        accepted, refused, taken = _masks(c)
        mask = {
            "taken": taken, "accepted": accepted, "refused": refused, "arrived": np.ones(len(c["ids"]), np.bool_),
            "delivered": accepted & (c["now"] == codes.DELIVERED),
        }[state]  # fmt: skip
        head = b"%d" % campaign
        return b"".join(b"%b-%d-%d\n" % (head, k >> 32, k & 0xFFFFFFFF) for k in np.unique(c["ids"][mask]).tolist())

    def messages(self, campaign: int) -> bytes:
        """Lines `id number pfId code`, in order of arrival, once for every time an id came."""
        lines = []
        for group, batch in self._store.places():
            mine = np.nonzero(batch.campaign == campaign)[0].tolist()
            if not mine:
                continue
            now = batch.codes_now(group.is_sent).tolist()
            for i in mine:
                k = int(batch.chunk_seq[i])
                lines.append(
                    f"{campaign}-{k >> 32}-{k & 0xFFFFFFFF} {batch.number(i) or '-'} {batch.channel(i) or '-'} {now[i]}\n"
                )
        return "".join(lines).encode()

    def campaigns(self) -> list[int]:
        """Campaign numbers that were ever seen, newest first."""
        seen: dict[int, None] = {}
        for _, batch in self._store.places():
            for number in np.unique(batch.campaign).tolist():
                seen.pop(number, None)
                seen[number] = None
        return [number for number in reversed(seen) if number >= 0]


def _masks(c: dict[str, Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    accepted = (c["registered"] == codes.ACCEPTED) & c["sent"]
    refused = (c["registered"] != codes.ACCEPTED) & (c["registered"] != 0) & (c["registered"] != codes.DUPLICATE)
    return accepted, refused, accepted | refused


def _by_code(found: NDArray[np.uint16]) -> dict[str, int]:
    return {str(code): n for code, n in sorted(Counter(found.tolist()).items())}
