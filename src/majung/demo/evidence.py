"""Compares the ledger with what the sandbox saw, as sets: nothing lost, nothing double, the same counts on both sides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.delivery import outcomes
from majung.demo.gateway import Gateway

_CHUNKS = "SELECT chunk_no, outcome FROM campaign_chunk WHERE campaign_id = %s ORDER BY chunk_no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """``lost``: sent by the ledger, never seen there. ``double``: taken more than once, or two deliveries to one number."""

    gateway_saw: int
    gateway_seconds: float
    lost: int
    unknown: int
    double: int
    delivered: tuple[int, int]
    refused: tuple[int, int]

    @property
    def agrees(self) -> bool:
        """Whether ledger and sandbox tell the same story."""
        return (
            not (self.lost or self.unknown or self.double)
            and self.delivered[0] == self.delivered[1]
            and self.refused[0] == self.refused[1]
        )


def gather(connection: psycopg.Connection[Any], campaign: int, gateway: Gateway) -> Evidence:
    """Read both sides of one campaign. Pairs are (ledger, sandbox)."""
    seen: Mapping[str, Any] = gateway.books(campaign)
    sent, delivered, refused = _ledger(connection, campaign)
    taken = gateway.ids(campaign, "taken")
    return Evidence(
        gateway_saw=seen["gateway_saw"],
        gateway_seconds=seen["gateway_seconds"],
        lost=len(np.setdiff1d(sent, taken, assume_unique=True)),
        unknown=len(np.setdiff1d(taken, sent, assume_unique=True)),
        double=seen["ids_taken_more_than_once"] + seen["numbers_delivered_more_than_once"],
        delivered=(delivered, seen["delivered"]),
        refused=(refused, seen["refused"] + seen["not_delivered"]),
    )


def _ledger(connection: psycopg.Connection[Any], campaign: int) -> tuple[NDArray[np.int64], int, int]:
    """Ids that the ledger says were sent, how many were delivered, and how many tries came back refused."""
    sent: list[NDArray[np.int64]] = []
    delivered = refused = 0
    unsent = np.array([outcomes.NOT_YET, outcomes.LEFT_OUT, outcomes.IN_DOUBT], dtype=np.uint8)
    for chunk_no, raw in connection.execute(_CHUNKS, [campaign]):
        outcome = np.frombuffer(raw, dtype=np.uint8)
        sent.append(chunk_no * 1000 + np.flatnonzero(~np.isin(outcome, unsent)))
        delivered += int((outcome == outcomes.DELIVERED).sum())
        again = (outcome == outcomes.MOVED_ON) | (outcome == outcomes.WAITED) | (outcome > outcomes.FELL_BACK)
        refused += int(((outcome < 97) | again).sum())
    return np.sort(np.concatenate(sent)) if sent else np.empty(0, np.int64), delivered, refused
