"""Who may have what told to whom; secrets; nothing wider than what was lent (O4, T3)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from majung.activity.models import Activity
from majung.core import clock
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.tree.enums import Role
from majung.webhooks import queries, services
from majung.webhooks.enums import Event, State, Why
from majung.webhooks.errors import Held, Known, NotLent
from majung.webhooks.models import Endpoint
from tests.make import tree
from tests.make.tree import Organised

pytestmark = [pytest.mark.django_db, pytest.mark.product("O4")]
URL = "https://hooks.example/majung"
ALL = tuple(Event.values)


def add(made: Organised, at: int = 0, **given: Any) -> tuple[Endpoint, str]:
    said: dict[str, Any] = {"label": "회원 관리", "url": URL, "chosen": ALL, "covers_subtree": True, **given}
    actor = said.pop("actor", None) or made.actor
    return services.add_endpoint(actor, made.units[at], **said)


def test_the_secret_is_sealed_and_told_once(made: Organised) -> None:
    endpoint, secret = add(made)
    assert services.secrets_of(endpoint) == [secret]
    assert secret.encode() not in bytes(Endpoint.objects.get().secret_sealed)
    assert secret not in str(list(Activity.objects.values()))


@pytest.mark.parametrize(
    "wrong",
    [{"label": ""}, {"label": "가" * 61}, {"url": "http://hooks.example/"}, {"url": "https://a:b@hooks.example/"}, {"url": "hooks"},
     {"url": "https://hooks.example/\n"[:-1] + "\nX:"}, {"chosen": ()}, {"chosen": ("campaign.everything",)}],
)  # fmt: skip
def test_what_cannot_be_registered(made: Organised, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        add(made, **wrong)
    assert not Endpoint.objects.exists()


def test_one_address_once_a_unit_until_it_is_removed(made: Organised) -> None:
    endpoint, _ = add(made)
    add(made, at=1)
    with pytest.raises(Known):
        add(made)
    services.remove(made.actor, endpoint)
    gone = Endpoint.objects.get(pk=endpoint.pk)
    assert (gone.state, bytes(gone.secret_sealed)) == (State.REMOVED, b"")
    add(made)
    with pytest.raises(NotYours):
        services.hold(made.actor, endpoint)


def test_nobody_has_more_told_than_they_may_see_and_lend(made: Organised) -> None:
    branch, leaf = made.units[1], made.units[3]
    operator = tree.lent(made, branch, role=Role.OPERATOR)
    alone = tree.lent(made, branch, role=Role.OPERATOR, covers_subtree=False)
    officer = tree.lent(made, branch, role=Role.PRIVACY_OFFICER)
    add(made, at=1, actor=operator)
    add(made, at=3, actor=operator, url=URL + "/leaf")
    with pytest.raises(NotYours):
        add(made, at=0, actor=operator)
    with pytest.raises(NotYours):
        add(made, at=2, actor=operator)
    with pytest.raises(NotLent):
        add(made, at=1, actor=alone, url=URL + "/below")
    add(made, at=1, actor=alone, url=URL + "/here", covers_subtree=False)
    for role in (Role.WRITER, Role.BLIND_SENDER, Role.VIEWER):
        with pytest.raises(Forbidden):
            add(made, at=3, actor=tree.lent(made, leaf, role=role))
    with pytest.raises(Forbidden):
        add(made, at=1, actor=officer)
    assert queries.endpoints(officer).count() == 3
    with pytest.raises(NotYours):
        queries.endpoint(tree.lent(made, made.units[2]), Endpoint.objects.filter(unit=branch)[0].public_id)


def test_a_new_secret_signs_beside_the_old_for_a_day(made: Organised) -> None:
    endpoint, first = add(made)
    second = services.new_secret(made.actor, endpoint)
    third = services.new_secret(made.actor, endpoint)
    current = Endpoint.objects.get()
    assert len({first, second, third}) == 3
    assert services.secrets_of(current) == [third, second]
    with clock.frozen(clock.now() + timedelta(days=1, seconds=1)):
        assert services.secrets_of(current) == [third]


def test_changing_and_resuming_go_by_ones_own_leave(made: Organised) -> None:
    branch = made.units[1]
    one, other = tree.lent(made, branch), tree.lent(made, branch)
    endpoint, _ = add(made, at=1, actor=one)
    services.hold(one, endpoint)
    with pytest.raises(Held):
        services.send_trial(one, endpoint)
    services.resume(other, endpoint)
    assert Endpoint.objects.get().grant == other.grants[0]
    services.change_endpoint(one, endpoint, label="다른 이름", url=URL, chosen=[Event.CAMPAIGN_FINISHED])
    kept = Endpoint.objects.get()
    assert (kept.grant, kept.label, kept.events, kept.state) == (
        one.grants[0],
        "다른 이름",
        ["campaign.finished"],
        State.ACTIVE,
    )
    with pytest.raises(Forbidden):
        services.resume(tree.lent(made, branch, role=Role.VIEWER), endpoint)


def test_a_unit_has_so_many_and_no_more(made: Organised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_A_UNIT", 2)
    add(made)
    add(made, url=URL + "/2")
    with pytest.raises(Invalid):
        add(made, url=URL + "/3")


@pytest.mark.parametrize(
    "nonsense", [{"events": []}, {"why": Why.ASKED}, {"state": State.HELD}, {"state": State.REMOVED}]
)
def test_the_database_refuses_nonsense(made: Organised, nonsense: dict[str, Any]) -> None:
    endpoint, _ = add(made)
    with pytest.raises(IntegrityError), transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(**nonsense)
