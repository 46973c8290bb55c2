"""Sealed values open only where, and for whom, they were sealed (X1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.core.sealing import Keyring, Place, Sealer, Unreadable

NAME = Place(root=1, table="person", column="name")
sealer = Sealer(Keyring.fresh())


@given(st.text(), st.integers(1, 2**31))
def test_sealed_value_opens_at_its_place(value: str, subject: int) -> None:
    assert sealer.open(NAME, subject, sealer.seal(NAME, subject, value)) == value


@given(st.lists(st.tuples(st.integers(1, 2**31), st.text(max_size=20)), max_size=20))
def test_many_equal_one_by_one(rows: list[tuple[int, str]]) -> None:
    opened = sealer.open_many(NAME, [n for n, _ in rows], sealer.seal_many(NAME, rows))
    assert opened == [value.encode() for _, value in rows]


@pytest.mark.product("X1")
@pytest.mark.parametrize(
    ("place", "subject"),
    [
        (Place(root=2, table="person", column="name"), 7),
        (Place(root=1, table="contact_point", column="name"), 7),
        (Place(root=1, table="person", column="mobile"), 7),
        (NAME, 8),
    ],
)
def test_sealed_value_moved_elsewhere_stays_shut(place: Place, subject: int) -> None:
    sealed = sealer.seal(NAME, 7, "홍길동")
    with pytest.raises(Unreadable):
        sealer.open(place, subject, sealed)


def test_rotated_ring_opens_old_and_seals_new() -> None:
    old = Keyring.fresh()
    sealed = Sealer(old).seal(NAME, 1, "가")
    ring = Keyring({**old.masters, 2: b"k" * 32}, old.index_key)
    assert Sealer(ring).open(NAME, 1, sealed) == "가"
    assert Sealer(ring).seal(NAME, 1, "가")[1] == 2
    assert Sealer(ring).blind(1, "mobile", "010") == Sealer(old).blind(1, "mobile", "010")


def test_links_of_many_are_the_links_of_each() -> None:
    from majung.consent import links

    sealer = Sealer(Keyring.fresh())
    people = [1, 2, 77, 2**32 - 1]
    many = links.tokens(3, people, 9, sealer=sealer)
    assert many == [links.token(3, person, 9, sealer=sealer).encode() for person in people]
    assert [links.read(one.decode(), sealer=sealer) for one in many] == [
        links.Link(root=3, person=person, campaign=9) for person in people
    ]
    assert links.tokens(3, [], 9, sealer=sealer) == []
    for root, some, campaign in ((0, [1], 1), (1, [0], 1), (1, [2**32], 1), (1, [1], 2**40)):
        with pytest.raises(ValueError, match="fit"):
            links.tokens(root, some, campaign, sealer=sealer)


@pytest.mark.parametrize("lengths", [(11, 11, 11), (11, 9, 11), (0, 0)])
def test_of_many_one_strange_value_is_refused_whatever_the_lengths(lengths: tuple[int, ...]) -> None:
    sealer = Sealer(Keyring.fresh())
    rows = [(number, "x" * length) for number, length in enumerate(lengths, start=1)]
    sealed = sealer.seal_many(NAME, rows)
    assert sealer.open_many(NAME, [n for n, _ in rows], sealed) == [value.encode() for _, value in rows]
    swapped = [sealed[1], sealed[0], *sealed[2:]]
    damaged = [*sealed[:-1], sealed[-1][:-1] + bytes((sealed[-1][-1] ^ 1,))]
    for wrong in (swapped, damaged, [*sealed[:-1], b"\x01\x01short"]):
        with pytest.raises(Unreadable):
            sealer.open_many(NAME, [n for n, _ in rows], wrong)
    with pytest.raises(Unreadable, match="line up"):
        sealer.open_many(NAME, [1], sealed)


@given(st.integers(0, 80), st.integers(4, 9))
def test_all_at_once_is_what_the_library_seals_one_by_one(size: int, count: int) -> None:
    """RFC 5297 by ``cryptography`` for one value, by whole columns for many: each reads the other's (decision 0013)."""
    rows = [(2**40 + number, bytes([number]) * size) for number in range(count)]
    sealed = sealer.seal_many(NAME, rows)
    assert sealed == [sealer.seal(NAME, subject, value) for subject, value in rows]
    assert sealer.open_many(NAME, [subject for subject, _ in rows], sealed) == [value for _, value in rows]
    assert [sealer.open_bytes(NAME, subject, one) for (subject, _), one in zip(rows, sealed, strict=True)] == [
        value for _, value in rows
    ]
