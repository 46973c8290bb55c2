"""Ids that leave the system: public ids in order of time, and secrets for links and keys."""

import os
import secrets
import uuid

import numpy as np

from majung.core import clock


def uuid7() -> uuid.UUID:
    """A time-ordered public id (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    milliseconds = int(clock.now().timestamp() * 1000)
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return uuid.UUID(int=value)


def uuid7_many(count: int) -> list[bytes]:
    """The bytes of so many ids like ``uuid7``, all of one millisecond, ascending."""
    found = np.frombuffer(os.urandom(16 * count), np.uint8).reshape(count, 16).copy()
    found[:, :6] = np.frombuffer(int(clock.now().timestamp() * 1000).to_bytes(6), np.uint8)
    found[:, 6] = found[:, 6] & 0x0F | 0x70
    found[:, 8] = found[:, 8] & 0x3F | 0x80
    return sorted(map(bytes, found))


def token() -> str:
    """A one-time secret of 256 bits for links and keys, safe in a URL."""
    return secrets.token_urlsafe(32)
