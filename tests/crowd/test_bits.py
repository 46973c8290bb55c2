"""Sets as bits say what roaring bitmaps say, whatever people and buckets come and go (M2)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from majung.crowd import bits, evaluate
from majung.crowd.bits import Buckets, Few, Ground, Listed, Plain, Sliced
from majung.crowd.expression import And, AtLeast, Expression, Leaf, Not, Or
from majung.crowd.joining import Joining

pytestmark = pytest.mark.product("M2")

# Neighbours, people a block apart, and numbers far away from all others.
persons = st.integers(0, 90) | st.integers(0, 9).map(lambda n: n * 1024 + 5) | st.sampled_from([300_000, 5_000_000])
crowds = st.lists(persons, max_size=30).map(BitMap)
buckets = st.integers(0, 60) | st.integers(190001, 190012)
one_bucket = st.dictionaries(persons, buckets, max_size=30)
bounds = st.none() | st.integers(-5, 70) | st.integers(189912, 190014)


def in_buckets(of_person: dict[int, int]) -> Buckets:
    found: Buckets = {}
    for person, bucket in of_person.items():
        found.setdefault(bucket, BitMap()).add(person)
    return found


def expected(told: Buckets, first: int | None, last: int | None) -> BitMap:
    inside = [
        people for bucket, people in told.items()
        if bucket is not None and (first is None or bucket >= first) and (last is None or bucket <= last)
    ]  # fmt: skip
    return BitMap.union(BitMap(), *inside)


def made(ground: Ground, people: BitMap) -> Plain | Few:
    return bits.plain(ground, ground.places(bits.numbers(people)))


@settings(deadline=None, max_examples=300)
@given(
    first=crowds,
    others=st.lists(st.tuples(crowds, crowds), max_size=4),
    large=st.sampled_from([bits.LARGE, 16, 300]),
    handful=st.sampled_from([bits.HANDFUL, 3]),
)
def test_a_set_is_mended_to_what_is_true(
    first: BitMap, others: list[tuple[BitMap, BitMap]], large: int, handful: int
) -> None:
    """Also where few people are kept by their places, and become many."""
    ground = Ground()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bits, "LARGE", large)
        patch.setattr(bits, "HANDFUL", handful)
        truth, known = first, made(ground, first)
        for changed, wanted in others:
            after = (truth - changed) | (wanted & changed)
            mended = known.mended(ground, changed, {None: wanted & changed})
            assert (mended is known) == (after == truth)
            truth, known = after, mended
            words, _ = known.everyone(ground.words)
            assert ground.people(words) == truth
            assert bits.count(words) == len(truth)


def test_few_of_many_are_kept_by_their_places() -> None:
    ground = Ground()
    everyone, few = made(ground, BitMap(range(3_000_000))), made(ground, BitMap(range(0, 3_000_000, 1000)))
    assert isinstance(everyone, Plain)
    assert isinstance(few, Few)
    assert few.size_bytes * 10 < everyone.size_bytes
    assert isinstance(few.mended(ground, BitMap(range(100_000)), {None: BitMap(range(100_000))}), Plain)


@settings(deadline=None, max_examples=300)
@given(
    first=one_bucket,
    changes=st.lists(st.tuples(crowds, one_bucket), max_size=4),
    ranges=st.lists(st.tuples(bounds, bounds), max_size=5),
)
def test_a_sliced_set_is_mended_and_cut_to_what_is_true(
    first: dict[int, int],
    changes: list[tuple[BitMap, dict[int, int]]],
    ranges: list[tuple[int | None, int | None]],
) -> None:
    ground, truth = Ground(), dict(first)
    known = Sliced.of(ground, in_buckets(truth))
    assert known is not None
    for changed, wanted in [(BitMap(), {}), *changes]:
        fresh = {person: bucket for person, bucket in wanted.items() if person in changed}
        truth = {person: bucket for person, bucket in truth.items() if person not in changed} | fresh
        known = known.mended(ground, changed, in_buckets(fresh)) or Sliced.of(ground, in_buckets(truth))
        assert known is not None
        for low, high in ranges:
            assert ground.people(known.between(low, high)) == expected(in_buckets(truth), low, high)


def test_a_new_day_needs_no_other_digit() -> None:
    ground = Ground()
    known = Sliced.of(ground, {day: BitMap([day]) for day in range(100, 140)})
    assert known is not None

    mended = known.mended(ground, BitMap([7]), {140: BitMap([7])})

    assert mended is not None
    assert ground.people(mended.between(139, None)) == BitMap([7, 139])
    assert known.mended(ground, BitMap([7]), {50: BitMap([7])}) is None, "an older day has no rank among the others"


@settings(deadline=None, max_examples=300)
@given(told=st.dictionaries(buckets, crowds, max_size=8), changed=crowds, fresh=st.dictionaries(buckets, crowds, max_size=4),
       ranges=st.lists(st.tuples(bounds, bounds), max_size=5))  # fmt: skip
def test_people_in_several_buckets_stay_in_all_of_them(
    told: Buckets, changed: BitMap, fresh: Buckets, ranges: list[tuple[int | None, int | None]]
) -> None:
    ground = Ground()
    several = sum(map(len, told.values())) != len(BitMap.union(BitMap(), *told.values()))
    assert (Sliced.of(ground, told) is None) == several

    fresh = {bucket: people & changed for bucket, people in fresh.items()}
    known = Listed(told, ground).mended(ground, changed, fresh)
    truth = {bucket: told.get(bucket, BitMap()) - changed | fresh.get(bucket, BitMap()) for bucket in {*told, *fresh}}
    for low, high in ranges:
        assert ground.people(known.between(low, high)) == expected(truth, low, high)


NAMES = ("a", "b", "c", "d")
leaves = st.sampled_from(NAMES).map(Leaf)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner | inner.map(Not), max_size=4).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=4).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
        st.builds(lambda k, parts: AtLeast(k, tuple(parts)), st.integers(1, 4), st.lists(inner, max_size=5)),
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=300)
@given(expression=expressions, everyone=crowds, told=st.fixed_dictionaries(dict.fromkeys(NAMES, crowds)))
def test_bits_and_bitmaps_are_joined_alike(expression: Expression, everyone: BitMap, told: dict[str, BitMap]) -> None:
    """Sets were made while fewer blocks were known than at the end, and hold people who are not alive."""
    ground = Ground()
    sets = {name: Plain(ground.pack(ground.places(bits.numbers(people)))) for name, people in told.items()}
    sets["person"] = Plain(ground.pack(ground.places(bits.numbers(everyone))))
    before = [one.words.copy() for one in sets.values()]

    found = Joining(ground.words, lambda leaf: sets[leaf.family]).people(expression)

    by_bitmap = evaluate.combined(expression, lambda leaf: everyone if leaf.family == "person" else told[leaf.family])
    assert ground.people(found) == by_bitmap
    assert all(np.array_equal(one.words, words) for one, words in zip(sets.values(), before, strict=True))
