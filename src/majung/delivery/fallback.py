"""The text instead of a message that did not reach somebody: for chosen reasons, after the whole route, never in doubt (M7, M10).

Whoever is meant is known by the byte alone: the messenger's last word was one of the reasons, and no further channel of the
route was free (that would be a byte of ``waves``). Who is in doubt has another byte, and so has who refused.
"""

import numpy as np

from majung.delivery.ledger import Chunk, Dispatch
from majung.delivery.outcomes import FELL_BACK
from majung.delivery.waves import Next


def plan(found: Dispatch, chunks: list[Chunk]) -> list[Next]:
    """A chunk of texts for each chunk in which somebody was not reached; they are marked, so that they are counted once.

    To be written in the transaction that settles ``chunks``. The texts speak with the words of the channel whose message
    did not arrive, and cost what the campaign's text costs.
    """
    text = found.fallback
    if text is None:
        return []
    is_reason = np.zeros(256, np.bool_)
    is_reason[list(text.reasons)] = True
    planned = []
    for place, chunk in enumerate(chunks):
        cells = np.frombuffer(chunk.outcome, np.uint8)
        if chunk.parent_chunk is None and len(at := np.flatnonzero(is_reason[cells])):
            planned.append(
                Next(
                    channel_id=chunk.channel_id, off_route=chunk.off_route, wave=chunk.wave + 1, people=chunk.people[at],
                    parents=np.full(len(at), place), seqs=at, ahead=(), open_ahead=np.zeros(len(at), np.uint8),
                    message_kind=text.kind, unit_centiwon=text.unit_centiwon, parent_chunk=chunk.chunk_no,
                )
            )  # fmt: skip
            cells[at] += FELL_BACK
    return planned
