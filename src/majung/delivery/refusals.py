"""Codes of a dealer that mean "this person refused" become refusals of the entity, in sets (C3)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from majung.channels.adapters.outcomes import CONSEQUENCES
from majung.consent import ledger as consent
from majung.delivery.ledger import Chunk, Connection, Dispatch


def write_refusals(
    connection: Connection,
    found: Dispatch,
    chunks: Sequence[Chunk],
    now: datetime,
    *,
    only: Mapping[int, NDArray[np.int64]] | None = None,
) -> None:
    """Everybody in ``chunks`` (of the positions in ``only``, by chunk number) whose outcome has a consequence refuses now."""
    for outcome, consequence in CONSEQUENCES.items():
        people: set[int] = set()
        for chunk in chunks:
            cells = np.frombuffer(bytes(chunk.outcome), np.uint8)
            at = np.nonzero(cells == int(outcome))[0]
            if only is not None:
                at = np.intersect1d(at, only[chunk.chunk_no], assume_unique=True)
            people.update(chunk.people[at].tolist())
        if people:
            consent.refuse(
                connection, found.root_id, sorted(people), found.occasion.entity_id, consequence.media, consequence.path,
                at=now, proof={"campaign": found.campaign_id},
            )  # fmt: skip
