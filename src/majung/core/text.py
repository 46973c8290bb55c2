"""Korean text as it is stored and compared: NFC, folded width, and bytes as a text message counts them."""

import unicodedata

COMPUTED = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet computes instead of showing it."""


def nfc(value: str) -> str:
    """``value`` in NFC with outer blanks and control characters removed; inner blanks are folded to one."""
    if value.isprintable() and unicodedata.is_normalized("NFC", value):  # nearly always
        return " ".join(value.split())
    clean = "".join(
        " " if c.isspace() else c for c in unicodedata.normalize("NFC", value) if c.isspace() or c.isprintable()
    )
    return " ".join(clean.split())


def fold(value: str) -> str:
    """``value`` for comparing: compatibility form (full width → half), no blanks, lower case."""
    if value.isascii():
        return "".join(value.split()).lower()
    if value.isalnum() and unicodedata.is_normalized("NFKC", value):  # nearly always
        return value.casefold()
    return "".join(unicodedata.normalize("NFC", unicodedata.normalize("NFKC", value)).split()).casefold()


def shown(cell: str) -> str:
    """``cell`` as a spreadsheet shows it and does not compute it: behind a quote where it would."""
    return f"'{cell}" if cell.startswith(COMPUTED) else cell


def sms_bytes(value: str) -> int:
    """Bytes of ``value`` as carriers count them (EUC-KR, kakao.md §5). Raises UnicodeEncodeError for what cannot be said.

    Counted with cp949, because Python's euc-kr codec writes eight bytes for syllables outside KS X 1001.
    """
    return len(value.encode("cp949"))
