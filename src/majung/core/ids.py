"""Ids that leave the system: public ids in order of time, and secrets for links and keys."""

import os
import secrets
import uuid

from majung.core import clock


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
