"""The personal values of a chunk's people, sealed as one: a chunk costs one opening, and nothing of it can be moved elsewhere.

Columns stand in a fixed order: mobile numbers, then names where the message says them. A column is its width as one byte, or 0
and two bytes of length for each person, and then all values one after the other.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from majung.core.sealing import Place, Sealer, Unreadable

Column = list[bytes]
"""One value a person, in the order of the chunk's people; b"" for none."""

_SIZES: Final = np.dtype("<u2")
_CHUNK_BITS: Final = 30
_WIDEST: Final = 255


def seal(sealer: Sealer, root: int, campaign: int, chunk: int, columns: Sequence[bytes]) -> bytes:
    """Columns (of ``column`` or ``joined``) under the vault's key, bound to this chunk."""
    return sealer.seal(_place(root), _subject(campaign, chunk), b"".join(columns))


def opened(sealer: Sealer, root: int, campaign: int, chunk: int, sealed: bytes, count: int) -> list[Column]:
    """The columns of a chunk of ``count`` people. Raises Unreadable."""
    plain = sealer.open_bytes(_place(root), _subject(campaign, chunk), sealed)
    found, at = [], 0
    while at < len(plain):
        width, at = plain[at], at + 1
        if width:
            end = at + width * count
            values = np.frombuffer(plain[at:end], np.dtype((np.void, width))).tolist()
        else:
            sizes = np.frombuffer(plain[at : at + _SIZES.itemsize * count], _SIZES)
            at += _SIZES.itemsize * count
            ends = (at + np.cumsum(sizes, dtype=np.int64)).tolist()
            end = ends[-1] if ends else at
            values = [plain[first:last] for first, last in zip([at, *ends], ends, strict=False)]
        if len(values) != count or end > len(plain):
            raise Unreadable("a chunk's values do not line up with its people")
        found.append(values)
        at = end
    return found


def joined(sizes: NDArray[np.int64], values: bytes) -> bytes:
    """A column of values that stand one after the other already."""
    if len(sizes) and 0 < sizes[0] <= _WIDEST and (sizes == sizes[0]).all():
        return bytes((int(sizes[0]),)) + values
    return b"\x00" + sizes.astype(_SIZES).tobytes() + values


def column(values: Column) -> bytes:
    """A column of separate values."""
    return joined(np.array([len(value) for value in values], np.int64), b"".join(values))


def _place(root: int) -> Place:
    return Place(root=root, table="campaign_chunk", column="sealed")


def _subject(campaign: int, chunk: int) -> int:
    return campaign << _CHUNK_BITS | chunk
