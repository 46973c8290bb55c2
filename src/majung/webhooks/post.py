"""One POST to a stranger's address: never to an inner one, never further than told, never for long. Plain.

The name is resolved once, every address it leads to is looked at, and the connection is made to an address that was looked
at: a name that answers differently the second time (DNS rebinding) has no second time.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httptools

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SECONDS = 10.0
"""For everything together, from the connection to the end of the answer."""
CONNECT_SECONDS = 5.0
LONGEST_ANSWER = 64 * 1024
LONGEST_URL = 500
FIRST_FINAL = 200
"""Status codes below are interim answers; the real one follows."""

# Ranges that carry another address inside: what is inside is what is reached.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Unfit(ValueError):
    """An address that is never posted to. Says why in one word, as ``Answer.problem`` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one try: a status, or a problem in one word. ``retry_seconds`` is what Retry-After asked for."""

    status: int | None = None
    problem: str = ""
    milliseconds: int = 0
    retry_seconds: float = 0.0

    @property
    def is_taken(self) -> bool:
        """Whether the other side has it."""
        return self.status is not None and 200 <= self.status < 300


def parts_of(url: str) -> SplitResult:
    """The parts of an address that may be posted to as far as it can be told from its letters. Raises Unfit."""
    if not 0 < len(url) <= LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Unfit("form")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unfit("form") from None
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or "@" in parts.netloc
        or parts.fragment
        or port == 0
    ):
        raise Unfit("form")
    return parts


def is_inner(address: Address) -> bool:
    """Whether ``address`` leads anywhere but to the public internet: loopback, private, shared, link-local, multicast."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inside is None and address in _NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inside is not None:
            return is_inner(inside)
    return not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified


def _may(address: Address, scheme: str, allowed: Sequence[Network]) -> bool:
    plain = address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address
    if any(plain.version == network.version and plain in network for network in allowed):
        return True
    return scheme == "https" and not is_inner(address)


def addresses(parts: SplitResult, allowed: Sequence[Network]) -> list[tuple[socket.AddressFamily, Address, int]]:
    """Where the name leads, if all of it may be posted to; http only inside ``allowed`` networks. Raises Unfit, OSError."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise Unfit("form") from None
    told = [(family, ipaddress.ip_address(str(to[0]).partition("%")[0])) for family, _, _, _, to in found]
    if not told or not all(_may(address, parts.scheme, allowed) for _, address in told):
        raise Unfit("inner")
    return [(family, address, port) for family, address in told]


class _Reading:
    """What httptools calls while it reads the answer. Knows no parser: a circle would keep the bytes alive."""

    def __init__(self) -> None:
        self.on_message_begin()

    def on_message_begin(self) -> None:
        """Parser: an answer starts (after an interim one, the real one)."""
        self.size, self.has_head, self.is_whole, self.retry_seconds = 0, False, False, 0.0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Parser: one header."""
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:
            self.retry_seconds = float(value)

    def on_headers_complete(self) -> None:
        """Parser: the status is known."""
        self.has_head = True

    def on_message_complete(self) -> None:
        """Parser: the answer is complete."""
        self.is_whole = True


def post(url: str, headers: Mapping[str, str], body: bytes, *, allowed: Sequence[Network] = ()) -> Answer:
    """One try; every failure is an Answer. Redirects are answers like others: nothing is followed."""
    begun = time.monotonic()

    def answer(problem: str = "", status: int | None = None, retry_seconds: float = 0.0) -> Answer:
        took = int(1000 * (time.monotonic() - begun))
        return Answer(status=status, problem=problem, milliseconds=took, retry_seconds=retry_seconds)

    try:
        parts = parts_of(url)
        places = addresses(parts, allowed)
    except Unfit as unfit:
        return answer(str(unfit))
    except OSError:
        return answer("name")
    try:
        sock = _connect(places)
    except OSError:
        return answer("connect")
    try:
        if parts.scheme == "https":
            sock.settimeout(_left(begun))
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)
        sock.settimeout(_left(begun))
        sock.sendall(_head(parts, headers, body) + body)
        status, retry_seconds = _read(sock, begun)
    except TimeoutError:
        return answer("slow")
    except ssl.SSLError:
        return answer("certificate")
    except (OSError, httptools.HttpParserError, ValueError):
        return answer("answer")
    finally:
        sock.close()
    return answer(status=status, retry_seconds=retry_seconds)


def _connect(places: Sequence[tuple[socket.AddressFamily, Address, int]]) -> socket.socket:
    """A connection to the first of the looked-at addresses that answers."""
    failure: OSError | None = None
    for family, address, port in places[:2]:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(CONNECT_SECONDS / min(2, len(places)))
            sock.connect((str(address), port))
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure or OSError("nowhere to connect to")


def _left(begun: float) -> float:
    left = begun + SECONDS - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _head(parts: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    said = {"Host": parts.netloc, "User-Agent": "Majung-Webhooks/1", "Content-Type": "application/json",
            "Content-Length": str(len(body)), "Connection": "close", **headers}  # fmt: skip
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _read(sock: socket.socket, begun: float) -> tuple[int, float]:
    """The final status, and what Retry-After asks; the rest of the answer is read away as far as it is short."""
    reading = _Reading()
    parser = httptools.HttpResponseParser(reading)
    while not reading.is_whole:
        try:
            sock.settimeout(_left(begun))
            data = sock.recv(16 * 1024)
        except TimeoutError:
            if not _is_final(reading, parser):
                raise
            break
        reading.size += len(data)
        if data:
            parser.feed_data(data)
        if reading.is_whole and parser.get_status_code() < FIRST_FINAL:
            reading.on_message_begin()
        if not data or reading.size > LONGEST_ANSWER:
            break
    if not _is_final(reading, parser):
        raise ValueError("no answer")
    return parser.get_status_code(), reading.retry_seconds


def _is_final(reading: _Reading, parser: httptools.HttpResponseParser) -> bool:
    return reading.has_head and parser.get_status_code() >= FIRST_FINAL
