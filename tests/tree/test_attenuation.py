"""The database refuses by itself what is wider than its parent, in the words of the pure rules (T3)."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from majung.core import clock
from majung.core.errors import Refusal
from majung.tree import rules, services
from majung.tree.actor import actor_of_user
from majung.tree.enums import ACTS, Act, Role
from majung.tree.models import Grant, Unit
from majung.tree.rules import Quotas, Terms, Width
from majung.tree.services.grants import terms_of
from tests.make import tree as make
from tests.make.database import second_connection
from tests.make.tree import Organised

pytestmark = pytest.mark.product("T3")


def refused_because(error: DatabaseError) -> str | None:
    cause: Any = error.__cause__
    name: str | None = cause.diag.constraint_name
    return name


@pytest.fixture
def party(db: None) -> Organised:
    return make.organisation(depth=3)


@pytest.fixture
def province(party: Organised) -> Grant:
    until = clock.now() + timedelta(days=30)
    return make.grant(
        make.user(), party.units[1], parent=party.owner_grant, ends_at=until,
        messages_per_day=10, messages_total=100, centiwon_per_day=1000, centiwon_total=10_000,
    )  # fmt: skip


ways: list[tuple[dict[str, Any], Width]] = [
    ({"acts": []}, Width.NO_ACTS),
    ({"acts": ["access.review"]}, Width.MORE_ACTS),
    ({"starts_at": clock.now() - timedelta(days=60)}, Width.LONGER),
    ({"ends_at": None}, Width.LONGER),
    ({"ends_at": clock.now() + timedelta(days=60)}, Width.LONGER),
    ({"messages_per_day": None}, Width.MORE_QUOTA),
    ({"messages_total": 101}, Width.MORE_QUOTA),
    ({"centiwon_per_day": 1001}, Width.MORE_QUOTA),
    ({"centiwon_total": None}, Width.MORE_QUOTA),
]


@pytest.mark.parametrize(("change", "reason"), ways)
def test_database_refuses_what_is_wider(
    party: Organised, province: Grant, change: dict[str, Any], reason: Width
) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        make.grant(make.user(), party.units[3], parent=province, **change)

    assert refused_because(caught.value) == reason


def test_database_refuses_other_places(party: Organised, province: Grant) -> None:
    places = {"above": party.top, "sister": party.units[2], "nephew": party.units[5]}

    for place in places.values():
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            make.grant(make.user(), place, parent=province)
        assert refused_because(caught.value) == Width.WIDER_PLACE


def test_database_refuses_subtree_out_of_single_unit(party: Organised) -> None:
    single = make.grant(make.user(), party.units[1], parent=party.owner_grant, covers_subtree=False)

    for place, subtree in ((party.units[1], True), (party.units[3], False)):
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            make.grant(make.user(), place, parent=single, covers_subtree=subtree)
        assert refused_because(caught.value) == Width.WIDER_PLACE
    assert make.grant(make.user(), party.units[1], parent=single, covers_subtree=False).pk


def test_database_refuses_other_organisations(party: Organised, province: Grant) -> None:
    other = make.organisation()

    for columns in ({"unit": other.top}, {"unit": other.top, "root": other.root}):
        values = {"root_id": party.root.pk, "unit": party.top, "user": make.user(), "parent": province, **columns}
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            Grant.objects.create(
                role=Role.VIEWER, acts=["tree.view"], covers_subtree=True, starts_at=province.starts_at,
                ends_at=province.ends_at, **values,
            )  # fmt: skip
        assert refused_because(caught.value) == Width.OTHER_ORGANISATION


def test_database_refuses_a_second_unlent_owner(party: Organised) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        make.grant(make.user(), party.units[1], role=Role.OWNER)

    assert refused_because(caught.value) == Width.OWNER_EXISTS


def test_database_refuses_unlent_that_is_no_owner(party: Organised) -> None:
    services.grants.revoke_all(party.actor, [party.owner_grant.pk], why="test")
    with pytest.raises(IntegrityError), transaction.atomic():
        make.grant(make.user(), party.top, role=Role.OPERATOR)


def test_database_refuses_lending_without_the_act(party: Organised) -> None:
    writer = make.grant(make.user(), party.units[1], parent=party.owner_grant, role=Role.WRITER)

    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        make.grant(make.user(), party.units[3], parent=writer, role=Role.VIEWER)

    assert refused_because(caught.value) == Width.MAY_NOT_LEND


def test_a_grant_is_written_once(party: Organised, province: Grant) -> None:
    for change in (
        {"messages_total": 10**6},
        {"ends_at": None},
        {"acts": sorted(Act)},
        {"unit": party.top},
        {"covers_subtree": False},
        {"user": make.user()},
        {"parent": None, "role": Role.OWNER},
    ):
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            Grant.objects.filter(pk=province.pk).update(**change)
        assert refused_because(caught.value) == "written_once"


def test_a_revoked_grant_stays_revoked_and_lends_nothing(party: Organised, province: Grant) -> None:
    services.revoke(party.actor, province)

    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Grant.objects.filter(pk=province.pk).update(revoked_at=None)
    with pytest.raises(IntegrityError) as lent, transaction.atomic():
        make.grant(make.user(), party.units[3], parent=province)

    assert (refused_because(caught.value), refused_because(lent.value)) == (Width.REVOKED, Width.REVOKED)


def test_a_grant_cannot_be_revoked_alone(party: Organised, province: Grant) -> None:
    make.grant(make.user(), party.units[3], parent=province)

    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Grant.objects.filter(pk=province.pk).update(revoked_at=clock.now())

    assert refused_because(caught.value) == "leaves_lent_on"


def test_grants_are_never_deleted(party: Organised, province: Grant) -> None:
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM tree_grant WHERE id = %s", [province.pk])


@st.composite
def offers(draw: st.DrawFn) -> dict[str, Any]:
    now = clock.now()
    limit = st.none() | st.integers(0, 4)
    acts = st.lists(st.sampled_from(["tree.view", "grants.lend", "campaigns.send"]), unique=True)
    return {
        "place": draw(st.integers(0, 6)),
        "covers_subtree": draw(st.booleans()),
        "acts": draw(acts),
        "starts_at": now - timedelta(hours=draw(st.integers(0, 3))),
        "ends_at": draw(st.none() | st.integers(1, 4).map(lambda days: now + timedelta(days=days))),
        "messages_per_day": draw(limit),
        "messages_total": draw(limit),
        "centiwon_per_day": draw(limit),
        "centiwon_total": draw(limit),
    }


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=offers(), offer=offers(), is_lender=st.booleans())
def test_database_and_rules_agree(
    party: Organised, held: dict[str, Any], offer: dict[str, Any], is_lender: bool
) -> None:
    """Whatever is offered out of whatever is held: the trigger's verdict is the rule's, word for word."""
    if is_lender:
        held = {**held, "acts": sorted({*held["acts"], "grants.lend", "tree.view"})}
    holding = {
        **held,
        "starts_at": max(held["starts_at"], party.owner_grant.starts_at),
        "acts": held["acts"] or ["tree.view"],
    }
    with transaction.atomic():
        parent = make.grant(make.user(), party.units[holding.pop("place")], parent=party.owner_grant, **holding)
        asked = dict(offer)
        place = party.units[asked.pop("place")]
        terms = Terms(
            root_id=party.root.pk, path=place.path, covers_subtree=asked["covers_subtree"], acts=frozenset(asked["acts"]),
            starts_at=asked["starts_at"], ends_at=asked["ends_at"],
            quotas=Quotas(**{name: asked[name] for name in make.QUOTAS}),
        )  # fmt: skip
        expected = rules.wider(terms, terms_of(parent))
        try:
            with transaction.atomic():
                make.grant(make.user(), place, parent=parent, **asked)
            found = None
        except IntegrityError as error:
            found = refused_because(error)
        assert found == expected
        transaction.set_rollback(True)


class Lending(RuleBasedStateMachine):
    """Grants are lent on, taken back, and units move, in any order; each history is undone."""

    party: Organised

    def __init__(self) -> None:
        super().__init__()
        self.whole = transaction.atomic()
        self.whole.__enter__()
        self.grants = [self.party.owner_grant.pk]

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.whole.__exit__(None, None, None)

    @rule(which=st.integers(0, 50), offer=offers())
    def lend(self, which: int, offer: dict[str, Any]) -> None:
        parent = Grant.objects.get(pk=self.grants[which % len(self.grants)])
        asked = {**offer, "starts_at": max(offer["starts_at"], parent.starts_at)}
        place = Unit.objects.get(pk=self.party.units[asked.pop("place")].pk)
        try:
            with transaction.atomic():
                self.grants.append(make.grant(make.user(), place, parent=parent, **asked).pk)
        except IntegrityError as error:
            assert refused_because(error) in {str(width) for width in Width}

    @rule(which=st.integers(0, 50))
    def take_back(self, which: int) -> None:
        found = Grant.objects.get(pk=self.grants[which % len(self.grants)])
        if found.parent_id is not None and found.revoked_at is None:
            services.revoke(self.party.actor, found)

    @rule(what=st.integers(1, 6), where=st.integers(0, 6))
    def move(self, what: int, where: int) -> None:
        unit, target = (Unit.objects.get(pk=self.party.units[at].pk) for at in (what, where))
        with contextlib.suppress(Refusal), transaction.atomic():
            services.move_unit(self.party.actor, unit, target)

    @invariant()
    def nobody_holds_more_than_was_lent(self) -> None:
        known = Grant.objects.select_related("unit").in_bulk(self.grants)
        for found in known.values():
            if found.parent_id is None or found.revoked_at is not None:
                continue
            parent = known[found.parent_id]
            assert parent.revoked_at is None, "a living grant below a dead one"
            assert rules.wider(terms_of(found), terms_of(parent)) is None


def test_no_history_of_lending_widens_anything(party: Organised) -> None:
    class Here(Lending):
        pass

    Here.party = party
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Here, settings=settings(max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    )  # fmt: skip


@pytest.fixture
def committed(transactional_db: None) -> Iterator[Organised]:
    yield make.organisation(depth=2)


def test_nothing_is_lent_while_its_parent_is_being_revoked(committed: Organised) -> None:
    """The race: B lends on while A takes back. Whoever comes second sees the first; no living grant stays below a dead one."""
    middle = make.grant(make.user(), committed.units[1], parent=committed.owner_grant)
    outcome: list[str] = []

    def lend_on() -> None:
        try:
            with second_connection() as other:
                other.execute(
                    "INSERT INTO tree_grant (public_id, root_id, parent_id, user_id, label, unit_id, covers_subtree, role, acts,"
                    " starts_at, lent_at) SELECT gen_random_uuid(), root_id, id, user_id, '', unit_id, true, 'viewer',"
                    " '{tree.view}', starts_at, lent_at FROM tree_grant WHERE id = %s",
                    [middle.pk],
                )
                other.commit()
                outcome.append("lent")
        except psycopg.errors.CheckViolation as error:
            outcome.append(error.diag.constraint_name or str(error))

    actor = actor_of_user(committed.owner)
    assert actor is not None
    with transaction.atomic():
        services.revoke(actor, Grant.objects.get(pk=middle.pk))
        thread = threading.Thread(target=lend_on)
        thread.start()
        thread.join(0.3)
        waited = thread.is_alive()
    thread.join(10)

    assert (waited, outcome) == (True, [Width.REVOKED])
    assert not Grant.objects.filter(parent=middle, revoked_at=None).exists()


def test_roles_hold_what_they_say() -> None:
    blind = ACTS[Role.BLIND_SENDER]
    assert not blind & {Act.PEOPLE_VIEW, Act.PEOPLE_REVEAL, Act.PEOPLE_EDIT, Act.PEOPLE_IMPORT, Act.REPORTS_EXPORT}
    assert Act.CAMPAIGNS_SEND in blind
    assert all(acts <= ACTS[Role.OWNER] for acts in ACTS.values())
