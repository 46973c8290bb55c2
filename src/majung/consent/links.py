"""Signed links to a person's own settings: root, person number and campaign under a keyed hash. Plain, short, no names.

A token is 27 bytes as 36 letters: version, root, person, campaign, and 13 bytes of a stamp (``Sealer.stamps``) keyed by the
vault's index key, which never rotates: a link in a message of years ago still lets its receiver refuse (ADV-12). Whoever holds
the link may refuse for its person and see what was agreed to, and nothing else; so the page shows no name and no number.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from majung import settings
from majung.core.sealing import Sealer, sealer_at

VERSION: Final = 1
LENGTH: Final = 36
_BODY: Final = Struct(">BIIBI")
"""Version, root, person, and the campaign in five bytes."""
_PERSON: Final = slice(5, 9)
_BLOCK_BYTES: Final = 16
_STAMP_BYTES: Final = 13
_FORM: Final = re.compile(rf"[A-Za-z0-9_-]{{{LENGTH}}}")
_PURPOSE: Final = "preference link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Whose settings a link opens, and the campaign whose message carried it (0: none)."""

    root: int
    person: int
    campaign: int


def token(root: int, person: int, campaign: int = 0, *, sealer: Sealer | None = None) -> str:
    """The token of one person's link in one campaign's messages; always the same. Raises ValueError out of range.

    ``sealer`` defaults to that of this installation's key file.
    """
    return tokens(root, [person], campaign, sealer=sealer or _own())[0].decode()


def tokens(
    root: int, people: Sequence[int] | NDArray[np.integer[Any]], campaign: int, *, sealer: Sealer, before: bytes = b""
) -> list[bytes]:
    """``token`` of each person, in order, as ASCII behind ``before`` (the hot path of delivery). Raises ValueError out of range."""
    if not (0 < root < 2**32 and 0 <= campaign < 2**40) or (
        len(people) and not 0 < np.min(people) <= np.max(people) < 2**32
    ):
        raise ValueError("a number does not fit into a link")
    bodies = np.empty((len(people), _BODY.size), np.uint8)
    bodies[:] = np.frombuffer(_BODY.pack(VERSION, root, 0, *divmod(campaign, 2**32)), np.uint8)
    bodies[:, _PERSON] = np.array(people, ">u4").reshape(-1, 1).view(np.uint8)
    # A token's 27 bytes are a multiple of three, so that all can be written as letters at once and cut apart.
    raw = np.hstack((bodies, _stamps(sealer, root, bodies)))
    letters = np.frombuffer(base64.urlsafe_b64encode(raw.tobytes()), np.uint8).reshape(-1, LENGTH)
    lines = np.empty((len(people), len(before) + LENGTH), np.uint8)
    lines[:, : len(before)], lines[:, len(before) :] = np.frombuffer(before, np.uint8), letters
    found: list[bytes] = lines.view(f"V{lines.shape[1]}")[:, 0].tolist()
    return found


def read(text: str, *, sealer: Sealer | None = None) -> Link | None:
    """What the token says, or None for anything that ``token`` did not make. Compares in constant time."""
    if not _FORM.fullmatch(text):
        return None
    raw = base64.urlsafe_b64decode(text)
    body, given = raw[: _BODY.size], raw[_BODY.size :]
    version, root, person, high, low = _BODY.unpack(body)
    stamp = _stamps(sealer or _own(), root, np.frombuffer(body, np.uint8).reshape(1, -1))
    if not hmac.compare_digest(given, stamp.tobytes()) or version != VERSION:
        return None
    return Link(root=root, person=person, campaign=high * 2**32 + low)


def _own() -> Sealer:
    return sealer_at(settings.VAULT_KEY)


def _stamps(sealer: Sealer, root: int, bodies: NDArray[np.uint8]) -> NDArray[np.uint8]:
    blocks = np.pad(bodies, ((0, 0), (0, _BLOCK_BYTES - bodies.shape[1])))
    stamped = sealer.stamps(root, _PURPOSE, blocks.tobytes())
    return np.frombuffer(stamped, np.uint8).reshape(-1, _BLOCK_BYTES)[:, :_STAMP_BYTES]
