"""Uploaded lists on disk: sealed in blocks before they are written, read back whole, removed when they have served."""

import os
import struct
from collections.abc import Iterable
from pathlib import Path

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


def read(sealer: Sealer, root_id: int, name: str) -> bytes:
    """The whole content. Raises FileNotFoundError when it was removed."""
    place = _place(root_id, name)
    blocks: list[bytes] = []
    with (_folder() / name).open("rb") as file:
        while head := file.read(_LENGTH.size):
            blocks.append(sealer.open_bytes(place, len(blocks), file.read(_LENGTH.unpack(head)[0])))
    return b"".join(blocks)


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
