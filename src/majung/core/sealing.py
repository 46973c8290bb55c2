"""Sealed values: AES-256-SIV (RFC 5297) under keys that rotate, bound to where they stand; and keyed blind indexes.

A sealed value is ``version (1 byte) · key id (1 byte) · synthetic nonce (16) · cipher``. It is bound (as associated data)
to the root, the table, the column and the number of its row's subject, so that it cannot be moved to another place. The
same value at the same place seals to the same bytes, and there is no nonce that could be used twice (decision 0013).
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
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from majung.core.errors import Misconfigured

VERSION = 2
OVERHEAD = 18
_HEAD = 2
_FEW = 4
"""Fewer values of one length than this are sealed and opened one by one."""

Cells = NDArray[np.uint8]
"""Values of one length: a row a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed value stands: the column of a table of one root."""

    root: int
    table: str
    column: str

    def bound(self, subject: int) -> bytes:
        """Associated data for the row of ``subject`` (a person's number, or a row's id): one block of the cipher."""
        return self._digest + subject.to_bytes(8)

    def bound_many(self, subjects: Sequence[int] | NDArray[np.integer[Any]]) -> Cells:
        """``bound`` of each, as rows."""
        found = np.empty((len(subjects), 16), np.uint8)
        found[:, :8] = np.frombuffer(self._digest, np.uint8)
        found[:, 8:] = np.asarray(subjects, ">u8").view(np.uint8).reshape(-1, 8)
        return found

    @property
    def _digest(self) -> bytes:
        return blake2b(f"{self.root}/{self.table}/{self.column}".encode(), digest_size=8).digest()


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


def _derive(master: bytes, purpose: str, length: int = 32) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode()).derive(master)


def _by_size(values: Sequence[bytes]) -> list[tuple[int, list[int]]]:
    """Positions of the values of each length."""
    found: dict[int, list[int]] = {}
    for at, value in enumerate(values):
        found.setdefault(len(value), []).append(at)
    return list(found.items())


def _cells(values: Sequence[bytes], size: int) -> Cells:
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, size)


def _values(cells: Cells) -> list[bytes]:
    found: list[bytes] = np.ascontiguousarray(cells).view(f"V{cells.shape[1]}").ravel().tolist()
    return found


class _Siv:
    """AES-256-SIV under one key: by the library for one value, and for many of one length all at once, which is 20 times quicker.

    Both are RFC 5297 with one block of associated data, and read each other's values (tests hold them together).
    """

    def __init__(self, key: bytes) -> None:
        self.one = AESSIV(key)
        self._mac, self._stream = Cipher(AES256(key[:32]), ECB()), Cipher(AES256(key[32:]), ECB())  # noqa: S305  its parts
        zero = np.zeros((1, 16), np.uint8)
        self._whole = _double(_blocks(self._mac, zero))
        self._padded = _double(self._whole)
        self._begin = _double(_blocks(self._mac, zero ^ self._whole))

    def seal(self, bound: Cells, plain: Cells) -> Cells:
        """Each row of ``plain`` sealed, with the synthetic nonce before it."""
        nonces = self._nonces(bound, plain)
        return np.hstack((nonces, plain ^ self._keys(nonces, plain.shape[1])))

    def open(self, bound: Cells, sealed: Cells) -> Cells:
        """The rows that were sealed. Raises InvalidTag."""
        nonces = np.ascontiguousarray(sealed[:, :16])
        plain = sealed[:, 16:] ^ self._keys(nonces, sealed.shape[1] - 16)
        if not bytes_eq(self._nonces(bound, plain).tobytes(), nonces.tobytes()):
            raise InvalidTag
        return plain

    def _nonces(self, bound: Cells, plain: Cells) -> Cells:
        """S2V of RFC 5297, section 2.4."""
        size = plain.shape[1]
        mixed = self._begin ^ _blocks(self._mac, bound ^ self._whole)
        if size >= 16:
            told = plain.copy()
            told[:, -16:] ^= mixed
            return self._cmac(told)
        told = _double(mixed)
        told[:, :size] ^= plain
        told[:, size] ^= 0x80
        return _blocks(self._mac, told ^ self._whole)

    def _cmac(self, told: Cells) -> Cells:
        last = (told.shape[1] - 1) // 16 * 16
        chained = np.zeros((len(told), 16), np.uint8)
        for at in range(0, last, 16):
            chained = _blocks(self._mac, chained ^ told[:, at : at + 16])
        rest, chained = told.shape[1] - last, chained.copy()
        chained[:, :rest] ^= told[:, last:]
        if rest == 16:
            return _blocks(self._mac, chained ^ self._whole)
        chained[:, rest] ^= 0x80
        return _blocks(self._mac, chained ^ self._padded)

    def _keys(self, nonces: Cells, size: int) -> Cells:
        """``size`` bytes of the stream of each nonce."""
        count = -(-size // 16)
        blocks = np.repeat(nonces, count, axis=0).reshape(-1, count, 16)
        blocks[:, :, 8] &= 0x7F
        blocks[:, :, 12] &= 0x7F
        blocks.view(">u4")[:, :, 3] += np.arange(count, dtype=np.uint32)
        return _blocks(self._stream, blocks.reshape(-1, 16)).reshape(len(nonces), -1)[:, :size]


def _blocks(cipher: Cipher[ECB], blocks: Cells) -> Cells:
    encryptor = cipher.encryptor()
    return np.frombuffer(encryptor.update(np.ascontiguousarray(blocks).data) + encryptor.finalize(), np.uint8).reshape(
        -1, 16
    )


def _double(blocks: Cells) -> Cells:
    """Each block times two in GF(2^128), as RFC 5297 has it."""
    halves = blocks.view(">u8").astype(np.uint64)
    high, low = halves[:, 0], halves[:, 1]
    one = np.uint64(1)
    top = np.uint64(63)
    doubled = np.empty_like(halves)
    doubled[:, 0] = high << one | low >> top
    doubled[:, 1] = low << one ^ (high >> top) * np.uint64(0x87)
    return doubled.astype(">u8").view(np.uint8)


class Sealer:
    """Seals and opens under one keyring. Derived keys are cached: building one costs more than using it."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._ciphers: dict[tuple[int, int], _Siv] = {}
        self._index_keys: dict[int, bytes] = {}
        self._stampers: dict[tuple[int, str], Cipher[ECB]] = {}

    def _cipher(self, key_id: int, root: int) -> _Siv:
        found = self._ciphers.get((key_id, root))
        if found is None:
            master = self._ring.masters.get(key_id)
            if master is None:
                raise Unreadable(f"key {key_id} is not on this ring")
            found = self._ciphers[key_id, root] = _Siv(_derive(master, f"seal/{root}", 64))
        return found

    def seal(self, place: Place, subject: int, value: str | bytes) -> bytes:
        """``value`` sealed for ``subject`` at ``place``."""
        key_id = self._ring.current
        plain = value.encode() if isinstance(value, str) else value
        return bytes((VERSION, key_id)) + self._cipher(key_id, place.root).one.encrypt(plain, [place.bound(subject)])

    def seal_many(self, place: Place, rows: Iterable[tuple[int, str | bytes]]) -> list[bytes]:
        """Each (subject, value) sealed, in order."""
        rows = list(rows)
        plains = [value.encode() if isinstance(value, str) else value for _, value in rows]
        key_id = self._ring.current
        head, cipher = bytes((VERSION, key_id)), self._cipher(key_id, place.root)
        bound = place.bound_many([subject for subject, _ in rows])
        sealed = [b""] * len(rows)
        for size, at in _by_size(plains):
            if len(at) >= _FEW and size:
                cells = cipher.seal(bound[at], _cells([plains[one] for one in at], size))
                heads = np.broadcast_to(np.frombuffer(head, np.uint8), (len(at), _HEAD))
                for one, value in zip(at, _values(np.hstack((heads, cells))), strict=True):
                    sealed[one] = value
            else:
                for one in at:
                    sealed[one] = head + cipher.one.encrypt(plains[one], [bound[one].tobytes()])
        return sealed

    def open(self, place: Place, subject: int, sealed: bytes) -> str:
        """The value sealed for ``subject`` at ``place``. Raises Unreadable."""
        return self.open_bytes(place, subject, sealed).decode()

    def open_bytes(self, place: Place, subject: int, sealed: bytes) -> bytes:
        """As ``open``, for values that are bytes."""
        if len(sealed) < OVERHEAD or sealed[0] != VERSION:
            raise Unreadable("not a sealed value")
        try:
            return self._cipher(sealed[1], place.root).one.decrypt(sealed[_HEAD:], [place.bound(subject)])
        except InvalidTag:
            raise Unreadable("sealed elsewhere, or damaged") from None

    def open_many(self, place: Place, subjects: Sequence[int], sealed: Sequence[bytes]) -> list[bytes]:
        """The plain bytes of each sealed value, in order. Raises Unreadable."""
        if len(subjects) != len(sealed):
            raise Unreadable("subjects and sealed values do not line up")
        plain = [b""] * len(sealed)
        for size, at in _by_size(sealed):
            if len(at) >= _FEW and size > OVERHEAD:
                cells = _cells([sealed[one] for one in at], size)
                opened = self.open_cells(place, np.array([subjects[one] for one in at], np.uint64), cells)
                for one, value in zip(at, _values(opened), strict=True):
                    plain[one] = value
            else:
                for one in at:
                    plain[one] = self.open_bytes(place, subjects[one], sealed[one])
        return plain

    def open_cells(self, place: Place, subjects: NDArray[np.integer[Any]], sealed: Cells) -> Cells:
        """The plain rows of sealed values of one length, aligned with ``subjects`` (the hot path). Raises Unreadable."""
        if sealed.shape[1] < OVERHEAD or (sealed[:, 0] != VERSION).any():
            raise Unreadable("not a sealed value")
        bound, keys = place.bound_many(subjects), sealed[:, 1]
        plain = np.empty((len(sealed), sealed.shape[1] - OVERHEAD), np.uint8)
        try:
            for key_id in np.unique(keys).tolist():
                at = slice(None) if (keys == key_id).all() else np.flatnonzero(keys == key_id)
                plain[at] = self._cipher(key_id, place.root).open(bound[at], sealed[at, _HEAD:])
        except InvalidTag:
            raise Unreadable("sealed elsewhere, or damaged") from None
        return plain

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
