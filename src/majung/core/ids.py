"""Numbers and ids: public ids that leave the system, secrets, and message ids."""

import os
import re
import secrets
import uuid

from majung.core import clock

MESSAGE_ID = re.compile(r"^(\d{1,10})-(\d{1,10})-(\d{1,6})$")


def uuid7() -> uuid.UUID:
    """A time-ordered public id (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    milliseconds = int(clock.now().timestamp() * 1000)
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return uuid.UUID(int=value)


def token() -> str:
    """A one-time secret of 256 bits for links and keys, safe in a URL."""
    return secrets.token_urlsafe(32)


def message_id(campaign: int, chunk: int, seq: int) -> str:
    """``campaign-chunk-seq``: the same on every retry, found again by arithmetic (architecture, idea 4)."""
    return f"{campaign}-{chunk}-{seq}"


def parse_message_id(text: str) -> tuple[int, int, int] | None:
    """The three numbers of a message id, or None for what is not ours."""
    found = MESSAGE_ID.match(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
