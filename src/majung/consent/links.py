"""Signed links to a person's own settings: root, person number and campaign under a keyed hash. Plain, short, no names.

A token is 27 bytes as 36 letters: version, root, person, campaign, and 13 bytes of a keyed hash under the vault's index
key, which never rotates: a link in a message of years ago still lets its receiver refuse (ADV-12). Whoever holds the
link may refuse for its person and see what was agreed to, and nothing else; so the page shows no name and no number.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from majung import settings
from majung.core.sealing import Sealer, sealer_at

VERSION: Final = 1
LENGTH: Final = 36
_HEAD: Final = Struct(">BII")
_CAMPAIGN_BYTES: Final = 5
_HASH_BYTES: Final = 13
_BODY: Final = _HEAD.size + _CAMPAIGN_BYTES
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
    if not (0 < root < 2**32 and 0 < person < 2**32 and 0 <= campaign < 2**40):
        raise ValueError("a number does not fit into a link")
    body = _HEAD.pack(VERSION, root, person) + campaign.to_bytes(_CAMPAIGN_BYTES)
    return base64.urlsafe_b64encode(body + _hash(sealer or _own(), root, body)).decode()


def tokens(root: int, people: Sequence[int], campaign: int, *, sealer: Sealer) -> list[bytes]:
    """``token`` of each person, in order, as ASCII (the hot path of delivery). Raises ValueError out of range."""
    if not (0 < root < 2**32 and 0 <= campaign < 2**40) or (people and not 0 < min(people) <= max(people) < 2**32):
        raise ValueError("a number does not fit into a link")
    tail = campaign.to_bytes(_CAMPAIGN_BYTES)
    bodies = [_HEAD.pack(VERSION, root, person) + tail for person in people]
    hashes = sealer.blind_many(root, _PURPOSE, [body.hex().encode() for body in bodies])
    # A token's 27 bytes are a multiple of three, so that all can be written as letters at once and cut apart.
    raw = b"".join([body + hash_[:_HASH_BYTES] for body, hash_ in zip(bodies, hashes, strict=True)])
    letters = base64.urlsafe_b64encode(raw)
    return [letters[at : at + LENGTH] for at in range(0, len(letters), LENGTH)]


def read(text: str, *, sealer: Sealer | None = None) -> Link | None:
    """What the token says, or None for anything that ``token`` did not make. Compares in constant time."""
    if not _FORM.fullmatch(text):
        return None
    raw = base64.urlsafe_b64decode(text)
    body, given = raw[:_BODY], raw[_BODY:]
    version, root, person = _HEAD.unpack_from(body)
    is_ours = hmac.compare_digest(given, _hash(sealer or _own(), root, body))
    if not is_ours or version != VERSION:
        return None
    return Link(root=root, person=person, campaign=int.from_bytes(body[_HEAD.size :]))


def _own() -> Sealer:
    return sealer_at(settings.VAULT_KEY)


def _hash(sealer: Sealer, root: int, body: bytes) -> bytes:
    return sealer.blind(root, _PURPOSE, body.hex())[:_HASH_BYTES]
