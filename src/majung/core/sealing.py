"""Sealed values: AES-256-GCM under keys that rotate, bound to where they stand; and keyed blind indexes.

A sealed value is ``version (1 byte) · key id (1 byte) · nonce (12) · cipher and tag``. It is bound (as associated data)
to the root, the table, the column and the number of its row's subject, so that it cannot be moved to another place.
The key file lies outside database and checkout (mode 0600); ``majung.people.vault`` is the only reader of personal data.
"""

import base64
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from majung.core.errors import Misconfigured

VERSION = 1
OVERHEAD = 30
_HEAD = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed value stands: the column of a table of one root."""

    root: int
    table: str
    column: str

    def bound(self, subject: int) -> bytes:
        """Associated data for the row of ``subject`` (a person's number, or a row's id)."""
        return f"{self.root}/{self.table}/{self.column}/{subject}".encode()


class Unreadable(Exception):
    """A sealed value that cannot be opened here: another place, another key, or damage."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Master keys by id (1–255). The highest seals; all open. ``index_key`` keys the blind indexes and never rotates."""

    masters: dict[int, bytes]
    index_key: bytes

    @property
    def current(self) -> int:
        """The key id that seals new values."""
        return max(self.masters)

    @classmethod
    def fresh(cls) -> "Keyring":
        """A new ring with one master key."""
        return cls({1: os.urandom(32)}, os.urandom(32))

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """The ring in ``path``. Raises Misconfigured when it is missing, readable by others, or damaged."""
        try:
            if path.stat().st_mode & 0o077:
                raise Misconfigured(f"{path}: readable by others; chmod 600")
            stored = json.loads(path.read_text("ascii"))
            masters = {int(number): base64.b64decode(key) for number, key in stored["masters"].items()}
            ring = cls(masters, base64.b64decode(stored["index_key"]))
        except OSError as error:
            raise Misconfigured(f"vault key {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise Misconfigured(f"vault key {path} is damaged") from error
        if not masters or any(len(key) != 32 for key in (*masters.values(), ring.index_key)):
            raise Misconfigured(f"vault key {path} is damaged")
        return ring

    def save(self, path: Path) -> None:
        """Write the ring to ``path``, mode 0600, never over an existing file."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        body = json.dumps(
            {
                "masters": {str(n): base64.b64encode(k).decode() for n, k in self.masters.items()},
                "index_key": base64.b64encode(self.index_key).decode(),
            }
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())


def _derive(master: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(master)


class Sealer:
    """Seals and opens under one keyring. Derived keys are cached: building one costs more than using it."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._ciphers: dict[tuple[int, int], AESGCM] = {}
        self._index_keys: dict[int, bytes] = {}
        self._stampers: dict[tuple[int, str], Cipher[ECB]] = {}

    def _cipher(self, key_id: int, root: int) -> AESGCM:
        found = self._ciphers.get((key_id, root))
        if found is None:
            master = self._ring.masters.get(key_id)
            if master is None:
                raise Unreadable(f"key {key_id} is not on this ring")
            found = self._ciphers[key_id, root] = AESGCM(_derive(master, f"seal/{root}"))
        return found

    def seal(self, place: Place, subject: int, value: str | bytes) -> bytes:
        """``value`` sealed for ``subject`` at ``place``."""
        key_id, nonce = self._ring.current, os.urandom(12)
        plain = value.encode() if isinstance(value, str) else value
        cipher = self._cipher(key_id, place.root).encrypt(nonce, plain, place.bound(subject))
        return bytes((VERSION, key_id)) + nonce + cipher

    def seal_many(self, place: Place, rows: Iterable[tuple[int, str]]) -> list[bytes]:
        """Each (subject, value) sealed, in order; nonces are drawn once for all."""
        rows = list(rows)
        key_id, nonces = self._ring.current, os.urandom(12 * len(rows))
        encrypt = self._cipher(key_id, place.root).encrypt
        head, prefix = bytes((VERSION, key_id)), f"{place.root}/{place.table}/{place.column}/"
        sealed = []
        for position, (subject, value) in enumerate(rows):
            nonce = nonces[12 * position : 12 * position + 12]
            sealed.append(head + nonce + encrypt(nonce, value.encode(), f"{prefix}{subject}".encode()))
        return sealed

    def open(self, place: Place, subject: int, sealed: bytes) -> str:
        """The value sealed for ``subject`` at ``place``. Raises Unreadable."""
        return self.open_bytes(place, subject, sealed).decode()

    def open_bytes(self, place: Place, subject: int, sealed: bytes) -> bytes:
        """As ``open``, for values that are bytes."""
        if len(sealed) < OVERHEAD or sealed[0] != VERSION:
            raise Unreadable("not a sealed value")
        try:
            return self._cipher(sealed[1], place.root).decrypt(sealed[2:_HEAD], sealed[_HEAD:], place.bound(subject))
        except InvalidTag:
            raise Unreadable("sealed elsewhere, or damaged") from None

    def open_many(self, place: Place, subjects: Sequence[int], sealed: Sequence[bytes]) -> list[bytes]:
        """The plain bytes of each sealed value, in order (the hot path of delivery). Raises Unreadable."""
        sizes = set(map(len, sealed))
        if sizes and min(sizes) < OVERHEAD:
            raise Unreadable("not a sealed value")
        bound = f"{place.root}/{place.table}/{place.column}/".encode() + b"%d"
        openers = {key_id: self._cipher(key_id, place.root).decrypt for key_id in {value[1] for value in sealed}}
        places = [bound % subject for subject in subjects]
        try:
            if len(openers) == len(sizes) == 1 and len(places) == len(sealed):
                # Values of one length and key, as phone numbers are: cut apart all at once.
                parts = np.dtype([("head", "V2"), ("nonce", "V12"), ("cipher", f"V{max(sizes) - _HEAD}")])
                [opener], cut = openers.values(), np.frombuffer(b"".join(sealed), parts)
                return list(map(opener, cut["nonce"].tolist(), cut["cipher"].tolist(), places))
            rows = zip(places, sealed, strict=True)
            return [openers[value[1]](value[2:_HEAD], value[_HEAD:], where) for where, value in rows]
        except InvalidTag:
            raise Unreadable("sealed elsewhere, or damaged") from None

    def blind(self, root: int, kind: str, value: str) -> bytes:
        """The blind index (16 bytes) of ``value`` within one root: equal values are found, none can be read back."""
        return self._hash(root, f"{kind}:{value}").digest()

    def stamps(self, root: int, purpose: str, blocks: bytes) -> bytes:
        """A keyed stamp of 16 bytes for each block of 16 bytes, in order: the proof that this installation wrote the block.

        One AES-256 call a block, all of them at once (the hot path of delivery). On blocks of one fixed length that is CBC-MAC
        of a single block, which needs no chaining; it hides nothing. Raises ValueError unless whole blocks come.
        """
        found = self._stampers.get((root, purpose))
        if found is None:
            key = _derive(self._ring.index_key, f"stamp/{root}/{purpose}")
            found = self._stampers[root, purpose] = Cipher(AES256(key), ECB())  # noqa: S305  a MAC, not a secret
        stamper = found.encryptor()
        return stamper.update(blocks) + stamper.finalize()

    def _hash(self, root: int, begin: str) -> blake2b:
        key = self._index_keys.get(root)
        if key is None:
            key = self._index_keys[root] = _derive(self._ring.index_key, f"index/{root}")
        return blake2b(begin.encode(), key=key, digest_size=16)


@cache
def sealer_at(path: Path) -> Sealer:
    """The sealer of the key file at ``path``, loaded once a process."""
    return Sealer(Keyring.load(path))
