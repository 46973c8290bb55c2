"""Finding telephone numbers and names in whatever was written down: in any spelling, in hex and base64, in any encoding."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator

# Syllables that stand in no name and no word of the product: three of them are one of 1,000 invented names.
SYLLABLES = "뷁쀍쒧쭯켥퀣튒퓗횭꿿"
_NAME = re.compile(f"(?=([{SYLLABLES}]{{3}}))")
_DIGITS = re.compile(r"[0-9][0-9 .,()+\-]{7,}[0-9]")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_BYTEA = re.compile(r"\\\\x((?:[0-9a-f]{2})+)")
_WINDOW = 10  # of a mobile number without its first 0: what +82 leaves of it


def names() -> list[str]:
    """A thousand invented names."""
    return [a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES]


def mobiles(n: int) -> list[str]:
    """As many invented mobile numbers, spread over all there are."""
    return [f"010{(7_919_317 * (i + 1)) % 90_000_000 + 10_000_000}" for i in range(n)]


class Sought:
    """Numbers and names that must stand nowhere."""

    def __init__(self, numbers: Iterable[str], people: Iterable[str]) -> None:
        self._numbers = {number[1:]: number for number in numbers}
        self._names = set(people)

    def in_text(self, text: str) -> set[str]:
        """What of them stands in ``text`` (a dump, a log): plainly, or in something that was encoded once."""
        found: set[str] = set()
        blobs = [bytes.fromhex(match) for match in _BYTEA.findall(text)]
        rest = _BYTEA.sub(" ", text)
        for plain in (rest, _unescaped(rest)):
            found |= self._plainly(plain)
        blobs += [bytes.fromhex(match) for match in _HEX.findall(rest)]
        for run in _BASE64.findall(rest):
            blobs += _from_base64(run)
        for blob in blobs:
            found |= self.in_bytes(blob)
        return found

    def in_bytes(self, blob: bytes) -> set[str]:
        """What of them stands in ``blob``, whatever its encoding."""
        found: set[str] = set()
        for encoding in ("latin-1", "utf-8", "utf-16-le", "utf-16-be"):
            found |= self._plainly(blob.decode(encoding, "ignore"))
        return found

    def _plainly(self, text: str) -> set[str]:
        found = {match for match in _NAME.findall(text) if match in self._names}
        for run in _DIGITS.findall(_narrow(text)):
            digits = re.sub(r"\D", "", run)
            windows = (digits[at : at + _WINDOW] for at in range(len(digits) - _WINDOW + 1))
            found |= {self._numbers[window] for window in windows if window in self._numbers}
        return found


_WIDE = str.maketrans("０１２３４５６７８９－＋", "0123456789-+")


def _narrow(text: str) -> str:
    return text.translate(_WIDE) if any(c in text for c in "０１２３４５６７８９") else text


def _unescaped(text: str) -> str:
    """JSON's escapes taken back."""
    return re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text) if "\\u" in text else ""


def _from_base64(run: str) -> Iterator[bytes]:
    """The bytes of ``run``, begun at each of four letters: a piece of base64 need not begin where the run does."""
    plain = run.replace("-", "+").replace("_", "/")
    for start in range(min(4, len(plain))):
        piece = plain[start:]
        piece += "A" * (-len(piece) % 4)
        try:
            yield base64.b64decode(piece)
        except binascii.Error:
            continue
