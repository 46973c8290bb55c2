"""Mail addresses as people write them, brought to one spelling; only what every mail server takes is taken. Plain."""

import re
import unicodedata

LONGEST, LONGEST_LOCAL = 254, 64
"""RFC 5321 §4.5.3.1, of an address as it stands in MAIL and RCPT."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")


def is_address(text: str) -> bool:
    """Whether ``text`` is an address: ASCII, a dot in the domain, no comments, no quotes, no blanks."""
    whole = len(text) <= LONGEST and _ADDRESS.fullmatch(text) is not None
    return whole and len(text.rpartition("@")[0]) <= LONGEST_LOCAL


def normalise(text: str) -> str:
    """The one address that ``text`` says, or "": outer blanks, any width and ``mailto:`` are taken off, the domain is in
    small letters, and one in Korean as DNS has it (xn--…, RFC 3490); what stands before the @ keeps its own.
    """
    if len(text) > 2 * LONGEST:
        return ""
    plain = unicodedata.normalize("NFKC", text).strip().removeprefix("mailto:").strip("<>")
    local, _, domain = plain.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    address = f"{local}@{domain.lower()}"
    return address if is_address(address) else ""
