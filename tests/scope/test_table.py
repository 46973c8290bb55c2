"""Every address answers as the table says, to every role, for things of one's own, a sister's and another organisation's (X7)."""

from collections import Counter

import pytest
from django.conf import settings

from tests.scope import asking
from tests.scope.table import PLACES, ROLES, RULES, Rule
from tests.scope.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.product("X7", "T1", "T3")]

ADDRESSES = {name: (rule, thing) for rule in RULES for name, thing in rule.urls.items()}


def test_every_address_stands_in_the_table_once() -> None:
    written = Counter(name for rule in RULES for name in rule.urls)
    assert [name for name, n in written.items() if n > 1] == []
    assert sorted(set(asking.names()) - written.keys()) == [], "missing from the table"
    assert sorted(written.keys() - set(asking.names())) == [], "standing there without existing"


def test_every_operation_of_the_api_stands_in_the_table_with_its_method() -> None:
    found = asking.operations()
    assert found == {name: [rule.method] for name, (rule, _) in ADDRESSES.items() if name in found}
    named = {name for name in ADDRESSES if name.startswith("api:")}
    assert named - found.keys() == {"api:openapi-json", "api:api-root"}


def _is_sent_to_sign_in(location: str) -> bool:
    return location.startswith(settings.LOGIN_URL)


@pytest.mark.parametrize("name", sorted(ADDRESSES))
def test_each_role_gets_what_the_table_says(world: World, name: str) -> None:
    rule, thing = ADDRESSES[name]
    wrong = []
    for place in ("here",) if rule.here else PLACES:
        cells = rule.cells(place)
        for role in ROLES:
            answer = asking.ask(world, role, name, thing, "own" if place == "here" else place, rule.method)
            wanted, got = cells[role], answer.status_code
            fits = got in rule.lets_in if wanted == 200 else got == wanted
            if wanted == 200 and _is_sent_to_sign_in(answer.get("Location", "")):
                fits = False
            if not fits:
                wrong.append(f"{place} {role}: {wanted} wanted, {got}{answer.get('Location', '')}")
    assert not wrong, "\n".join(wrong)


WITH_ID = sorted(name for name, (rule, thing) in ADDRESSES.items() if not rule.here)
PUBLIC = {"portal:unit", "portal:find", "portal:join", "portal:thanks", "portal:preferences", "portal:preferences_short",
          "tree:invitation"}  # fmt: skip


def methods(rule: Rule, name: str) -> tuple[str, ...]:
    """What to try: the API's own method; for pages both, since most take a form as well."""
    return (rule.method,) if name.startswith("api:") else ("GET", "POST")


@pytest.mark.parametrize("name", [name for name in WITH_ID if name not in PUBLIC])
def test_what_is_foreign_is_byte_for_byte_what_is_missing(world: World, name: str) -> None:
    rule, thing = ADDRESSES[name]
    kind, _ = asking.split(thing)
    wrong = []
    for role in ("owner", "operator"):
        for method in methods(rule, name):
            missing = asking.ask(world, role, name, thing, "missing", method)
            wanted = asking.seen(missing, world.id_of(kind, "missing", role))
            for place in ("other",) if role == "owner" else ("sister", "other"):
                foreign = asking.ask(world, role, name, thing, place, method)
                if asking.seen(foreign, world.id_of(kind, place, role)) != wanted:
                    wrong.append(f"{role} {method} {place}: {foreign.status_code}, missing {missing.status_code}")
                assert foreign.status_code >= 300, (role, method, place)
    assert not wrong, "\n".join(wrong)
