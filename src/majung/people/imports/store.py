"""Uploaded lists on disk: sealed in blocks before they are written, read back block by block, removed when they have served."""

import io
import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from majung.core import ids
from majung.core.errors import Refusal
from majung.core.sealing import Place, Sealer

BLOCK = 1 << 20
_LENGTH = struct.Struct(">I")


class FileTooLarge(Refusal):
    """More than one import takes."""

    code = "people.import_too_large"
    sentence = "파일이 너무 큽니다. %(limit_mb)sMB까지 올릴 수 있습니다. 나누어 올려 주세요."
    fields = ("limit_mb",)


def _folder() -> Path:
    folder = Path(settings.MEDIA_ROOT) / "imports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _place(root_id: int, name: str) -> Place:
    return Place(root=root_id, table="import_file", column=name)


def keep(sealer: Sealer, root_id: int, chunks: Iterable[bytes]) -> tuple[str, int]:
    """The content is on disk, sealed; returns its name and its size in bytes. Raises FileTooLarge, leaving nothing."""
    name, size = ids.uuid7().hex, 0
    path = _folder() / name
    place = _place(root_id, name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for number, block in enumerate(_blocks(chunks)):
                size += len(block)
                if size > settings.IMPORT_MAX_BYTES:
                    raise FileTooLarge(limit_mb=settings.IMPORT_MAX_BYTES // 2**20)
                sealed = sealer.seal(place, number, block)
                file.write(_LENGTH.pack(len(sealed)) + sealed)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return name, size


def opener(sealer: Sealer, root_id: int, name: str) -> Callable[[], BinaryIO]:
    """Opens the content for reading, from its beginning each time. Raises FileNotFoundError when it was removed."""
    return lambda: io.BufferedReader(_Content(sealer, _place(root_id, name), _folder() / name), BLOCK)


class _Content(io.RawIOBase):
    """The plain bytes of a sealed file, one block of them at a time in memory."""

    def __init__(self, sealer: Sealer, place: Place, path: Path) -> None:
        self._sealer, self._place, self._at = sealer, place, 0
        self._number, self._block = -1, b""
        self._file = path.open("rb")
        self._starts: list[tuple[int, int]] = []
        while head := self._file.read(_LENGTH.size):
            self._starts.append((self._file.tell(), _LENGTH.unpack(head)[0]))
            self._file.seek(self._starts[-1][1], os.SEEK_CUR)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            offset += (len(self._starts) - 1) * BLOCK + len(self._opened(len(self._starts) - 1)) if self._starts else 0
        self._at = offset + (self._at if whence == os.SEEK_CUR else 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        number, start = divmod(self._at, BLOCK)
        part = self._opened(number)[start : start + len(buffer)] if number < len(self._starts) else b""
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _opened(self, number: int) -> bytes:
        if number != self._number:
            start, length = self._starts[number]
            self._file.seek(start)
            self._block, self._number = self._sealer.open_bytes(self._place, number, self._file.read(length)), number
        return self._block

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def remove(name: str) -> None:
    """The content is gone; does nothing when it is gone already."""
    if name:
        (_folder() / name).unlink(missing_ok=True)


def _blocks(chunks: Iterable[bytes]) -> Iterable[bytes]:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= BLOCK:
            yield bytes(held[:BLOCK])
            del held[:BLOCK]
    if held:
        yield bytes(held)
