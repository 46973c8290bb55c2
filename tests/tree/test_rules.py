"""Attenuation as arithmetic: what is lent never allows more than what was held (T3)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.tree import rules
from majung.tree.rules import Quotas, Terms, Width

ACTS = ["tree.view", "grants.lend", "campaigns.send", "people.view"]
BASE = datetime(2026, 1, 1, tzinfo=UTC)
paths = st.lists(st.sampled_from(["0001", "0002"]), min_size=1, max_size=4).map("".join)
moments = st.integers(0, 9).map(lambda days: BASE + timedelta(days=days))
limits = st.none() | st.integers(0, 4)
quotas = st.builds(
    Quotas, messages_per_day=limits, messages_total=limits, centiwon_per_day=limits, centiwon_total=limits
)
terms = st.builds(
    Terms,
    root_id=st.sampled_from([1, 2]),
    path=paths,
    covers_subtree=st.booleans(),
    acts=st.frozensets(st.sampled_from(ACTS)),
    starts_at=moments,
    ends_at=st.none() | moments,
    quotas=quotas,
    is_revoked=st.booleans(),
)
held_terms = terms.map(lambda t: replace(t, acts=t.acts | {"grants.lend"}, is_revoked=False))


def fitted(held: Terms, offer: Terms) -> Terms:
    """``offer`` narrowed until it fits ``held``."""
    return replace(
        offer,
        root_id=held.root_id,
        path=held.path + offer.path if held.covers_subtree else held.path,
        covers_subtree=offer.covers_subtree and held.covers_subtree,
        acts=(offer.acts & held.acts) or held.acts,
        starts_at=max(offer.starts_at, held.starts_at),
        ends_at=held.ends_at if offer.ends_at is None else min(offer.ends_at, held.ends_at or offer.ends_at),
        quotas=held.quotas,
    )


@st.composite
def near(draw: st.DrawFn, held: Terms) -> Terms:
    """An offer that fits ``held``, or leaves it by one or two columns: both verdicts come often."""
    other = draw(terms)
    columns = draw(
        st.sets(st.sampled_from(["path", "covers_subtree", "acts", "starts_at", "ends_at", "quotas"]), max_size=2)
    )
    return replace(fitted(held, draw(terms)), **{name: getattr(other, name) for name in columns})


chains = held_terms.flatmap(lambda held: st.tuples(st.just(held), near(held)))


@pytest.mark.product("T3")
@given(pair=chains, act=st.sampled_from(ACTS), tail=paths | st.just(""), at=moments)
def test_what_an_accepted_offer_allows_the_lender_was_allowed(
    pair: tuple[Terms, Terms], act: str, tail: str, at: datetime
) -> None:
    held, offer = pair
    for path in (offer.path, offer.path + tail, held.path, tail):
        if rules.wider(offer, held) is None and rules.allows(offer, act=act, root_id=held.root_id, path=path, at=at):
            assert rules.allows(held, act=act, root_id=held.root_id, path=path, at=at)


@given(held=held_terms, offer=terms)
def test_narrowed_offers_are_accepted(held: Terms, offer: Terms) -> None:
    assert rules.wider(fitted(held, offer), held) is None


@given(held_terms)
def test_what_is_held_may_be_lent_whole(held: Terms) -> None:
    assert rules.wider(held, held) is None


@given(chains.flatmap(lambda pair: st.tuples(st.just(pair[0]), st.just(pair[1]), near(pair[1]))))
def test_lending_on_never_widens(chain: tuple[Terms, Terms, Terms]) -> None:
    top, middle, low = chain
    if rules.wider(middle, top) is None and rules.wider(low, middle) is None:
        assert rules.wider(low, top) is None


@given(quotas, quotas)
def test_quotas_within_each_other_are_equal(one: Quotas, other: Quotas) -> None:
    assert (one.within(other) and other.within(one)) == (one == other)


HELD = Terms(
    root_id=1, path="00010001", covers_subtree=True, acts=frozenset(ACTS), starts_at=BASE, ends_at=BASE + timedelta(days=9),
    quotas=Quotas(messages_per_day=10, messages_total=100, centiwon_per_day=1000, centiwon_total=9000),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"root_id": 2}, Width.OTHER_ORGANISATION),
        ({"acts": frozenset()}, Width.NO_ACTS),
        ({"acts": frozenset({"people.reveal"})}, Width.MORE_ACTS),
        ({"path": "0001"}, Width.WIDER_PLACE),
        ({"path": "00010002"}, Width.WIDER_PLACE),
        ({"starts_at": BASE - timedelta(seconds=1)}, Width.LONGER),
        ({"ends_at": BASE + timedelta(days=9, seconds=1)}, Width.LONGER),
        ({"ends_at": None}, Width.LONGER),
        ({"quotas": replace(HELD.quotas, messages_per_day=11)}, Width.MORE_QUOTA),
        ({"quotas": replace(HELD.quotas, messages_total=None)}, Width.MORE_QUOTA),
        ({"quotas": replace(HELD.quotas, centiwon_per_day=1001)}, Width.MORE_QUOTA),
        ({"quotas": replace(HELD.quotas, centiwon_total=None)}, Width.MORE_QUOTA),
        ({"path": "000100010001", "covers_subtree": False}, None),
    ],
)
def test_each_way_of_being_wider_has_its_reason(change: dict[str, object], reason: Width | None) -> None:
    assert rules.wider(replace(HELD, **change), HELD) is reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_revoked": True}, Width.REVOKED),
        ({"acts": frozenset({"tree.view"})}, Width.MAY_NOT_LEND),
        ({"covers_subtree": False}, Width.WIDER_PLACE),
    ],
)
def test_each_lack_of_the_lender_has_its_reason(change: dict[str, object], reason: Width) -> None:
    offer = replace(HELD, acts=frozenset({"tree.view"}))
    assert rules.wider(offer, replace(HELD, **change)) is reason  # type: ignore[arg-type]


def test_every_reason_has_a_sentence() -> None:
    assert set(rules.SENTENCES) == set(Width)


@given(paths, paths)
def test_distance_is_symmetric_and_zero_only_at_home(one: str, other: str) -> None:
    assert rules.distance(one, other) == rules.distance(other, one)
    assert (rules.distance(one, other) == 0) == (one == other)


@given(paths, paths)
def test_a_unit_below_itself_is_a_cycle(path: str, tail: str) -> None:
    assert rules.would_cycle(path, path)
    assert rules.would_cycle(path, path + tail)
    assert not rules.would_cycle(path + tail, path)
    assert rules.ancestors(path)[0] == path
    assert len(rules.ancestors(path)) == len(path) // rules.STEP
