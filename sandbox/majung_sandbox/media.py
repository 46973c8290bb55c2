"""Pictures uploaded to the gateway: their form, size and width (kakao.md §3.3, §5)."""

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass
from typing import Any

from majung_sandbox.errors import invalid

TYPES = {
    "MMS", "KAKAO", "RCS", "FAX", "DOCUMENT", "BMS", "BMS_WIDE", "BMS_WIDE_MAIN_ITEM_LIST", "BMS_WIDE_SUB_ITEM_LIST",
    "BMS_CAROUSEL_FEED_LIST", "BMS_CAROUSEL_COMMERCE_LIST",
}  # fmt: skip
FILES_KEPT = 500


@dataclass(slots=True, frozen=True)
class StoredFile:
    """One uploaded picture."""

    file_id: str
    kind: str
    name: str
    media_type: str
    data: bytes


def picture_size(data: bytes) -> tuple[str, int, int] | None:
    """Media type, width and height of a PNG or JPEG; None for anything else."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        return ("image/png", *struct.unpack(">II", data[16:24]))
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return "image/jpeg", width, height
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return None


def store_file(files: dict[str, StoredFile], wanted: dict[str, Any]) -> StoredFile:
    """Check an upload and keep it; the same picture and kind keep their id."""
    kind, text = wanted.get("type"), wanted.get("file")
    if type(kind) is not str or kind not in TYPES or type(text) is not str:
        raise invalid("file(base64)과 type이 필요합니다.")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("file이 base64가 아닙니다.") from None
    media_type = "application/octet-stream"
    if kind not in ("FAX", "DOCUMENT"):
        found = picture_size(data)
        if found is None:
            raise invalid("그림은 jpg나 png여야 합니다.")
        media_type, width, height = found
        if kind == "MMS" and (len(data) > 300_000 or media_type != "image/jpeg" or max(width, height) > 2048):
            raise invalid("MMS 그림은 300 KB, 2,048px 이하의 jpg여야 합니다.")
        if kind != "MMS" and (len(data) > 5 * 1024 * 1024 or width < 500):
            raise invalid("그림은 5 MB 이하, 가로 500px 이상이어야 합니다.")
    file_id = "FILE" + hashlib.sha256(kind.encode() + data).hexdigest()[:28]
    files[file_id] = StoredFile(file_id, kind, str(wanted.get("name") or "")[:100], media_type, data)
    while len(files) > FILES_KEPT:
        del files[next(iter(files))]
    return files[file_id]


def form_parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a multipart form by name."""
    edge = content_type.partition("boundary=")[2].strip('"').encode()
    found = {}
    for part in body.split(b"--" + edge)[1:-1] if edge else []:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'\bname="([^"]+)"', head)
        if name:
            found[name[1].decode(errors="replace")] = content.removesuffix(b"\r\n")
    return found
