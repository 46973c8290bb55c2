"""Pure parts: packing and its bytes, routes, assignment, templates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from majung.channels.adapters.outcomes import Outcome, category
from majung.channels.adapters.registry import ADAPTERS
from majung.channels.adapters.terms import Button, Kind, Message
from majung.core.sealing import Keyring, Sealer, Unreadable
from majung.delivery import outcomes, packing, render, sealed
from majung.delivery.render import Local, Template
from majung.delivery.route import Router, Stop, assign, distance

PATHS = ("0001", "00010001", "00010002", "000100010001", "000100010002", "000100020001")


_sealer = Sealer(Keyring.fresh())


@given(st.integers(1, 30), st.data())
def test_sealed_columns_of_a_chunk_come_back(count: int, data: st.DataObject) -> None:
    of_any_length, of_one = st.binary(max_size=300), st.binary(min_size=11, max_size=11)
    columns = [data.draw(st.lists(kind, min_size=count, max_size=count)) for kind in (of_one, of_any_length)]
    packed = sealed.seal(_sealer, 1, 9, 4, [sealed.column(values) for values in columns])

    assert sealed.opened(_sealer, 1, 9, 4, packed, count) == columns
    for campaign, chunk in ((9, 5), (8, 4)):
        with pytest.raises(Unreadable):
            sealed.opened(_sealer, 1, campaign, chunk, packed, count)


@pytest.mark.parametrize("values", [[b"01012345678"] * 5, [b"a", b"bb", b"", b"dddd", b""]])
@pytest.mark.parametrize("more", [-1, 1, 7])
def test_a_wrong_count_is_refused(values: list[bytes], more: int) -> None:
    packed = sealed.seal(_sealer, 1, 1, 1, [sealed.column(values)])
    with pytest.raises((Unreadable, ValueError)):
        sealed.opened(_sealer, 1, 1, 1, packed, len(values) + more)


@given(st.lists(st.integers(1, 2**31 - 1)))
def test_person_numbers_come_back(people: list[int]) -> None:
    given_ = np.array(people, np.int32)

    assert packing.read_int4_array(packing.int4_array(given_)).tolist() == people


def test_every_outcome_of_an_adapter_has_a_ledger_byte_of_its_category() -> None:
    for outcome in Outcome:
        byte = outcomes.LEDGER[outcome]
        assert outcomes.is_refused(byte) == (category(outcome).name in ("REFUSED", "NOT_A_FRIEND"))
        assert outcomes.sentence(byte) and outcomes.code(byte)
    assert (
        len(
            {
                outcomes.NOT_YET,
                outcomes.ACCEPTED,
                outcomes.DELIVERED,
                outcomes.MOVED_ON,
                outcomes.LEFT_OUT,
                outcomes.IN_DOUBT,
            }
        )
        == 6
    )


def stops(paths: list[str]) -> list[Stop]:
    return [
        Stop(channel_id=100 + n, unit_id=n, unit_path=path, unit_code=f"U{n}", entity_id=1)
        for n, path in enumerate(paths, start=1)
    ]


@given(st.sampled_from(PATHS), st.sampled_from(PATHS))
def test_distance_is_a_metric_on_the_tree(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one) >= 0
    assert (distance(one, other) == 0) == (one == other)


def test_a_route_goes_home_first_then_up_then_sideways_and_stays_in_scope() -> None:
    units = dict(enumerate(PATHS, start=1))
    everywhere = Router(stops(list(PATHS)), units, "0001")
    inside = Router(stops(list(PATHS)), units, "00010001")

    assert everywhere.route(4).near == (104, 102, 101)
    assert everywhere.route(4).far == (105, 103, 106)
    assert inside.route(4) == type(inside.route(4))(near=(104, 102), far=(105,))
    assert everywhere.route(None).near == (101,)


@given(
    st.dictionaries(st.integers(1, 40), st.sampled_from([None, 1, 2, 3, 4, 5, 6]), min_size=1),
    st.sets(st.tuples(st.integers(1, 40), st.integers(101, 106))),
    st.sets(st.tuples(st.integers(1, 40), st.integers(101, 106))),
)
def test_everyone_is_exactly_once_somewhere(
    homes_of: dict[int, int | None], denied: set[tuple[int, int]], added: set[tuple[int, int]]
) -> None:
    router = Router(stops(list(PATHS)), dict(enumerate(PATHS, start=1)), "0001")
    homes: dict[int | None, BitMap] = {}
    for person, home in homes_of.items():
        homes.setdefault(home, BitMap()).add(person)

    found = assign(
        homes,
        router,
        lambda c, of: [("NO", BitMap([p for p in of if (p, c) in denied]))],
        lambda c, of: BitMap([p for p in of if (p, c) in added]),
    )

    places = [*found.by_channel.values(), *found.left_out.values(), found.placeless]
    assert sorted(p for people in places for p in people) == sorted(homes_of)
    for channel, people in found.by_channel.items():
        for person in people:
            route = router.route(homes_of[person])
            tried = [*route.near, *[c for c in route.far if (person, c) in added]]
            assert channel == next(c for c in tried if (person, c) not in denied)


def a_template(text: str = "#{이름} 님, #{조직} #{대표}", **changes: object) -> Template:
    words = Local(channel_id=7, pf_id="PF", unit="가람시 갑", leader="", phone="02-1234-5678", channel="가람 채널")
    given_ = {
        "kind": Kind.BRAND,
        "message": Message(text=text),
        "locals": (words,),
        "link_base": "https://majung.example/p/",
    }
    return Template(**{**given_, **changes})  # type: ignore[arg-type]


FACTS = ADAPTERS["solapi"].kinds


def test_a_template_survives_its_storage() -> None:
    template = a_template(message=Message(text="#{이름}", buttons=(Button(name="설정", link_mobile="#{수신설정}"),)))

    assert Template.from_json(template.to_json()) == template


def test_an_unknown_variable_is_refused_by_name() -> None:
    with pytest.raises(render.UnknownVariable) as refused:
        render.check(a_template("#{회원번호} 님"), FACTS[Kind.BRAND])
    assert "회원번호" in str(refused.value)


def test_missing_words_have_fallbacks() -> None:
    template = a_template(fallbacks={"대표": "지역위원장"})

    assert template.constants(7)["대표"] == "지역위원장"
    assert template.columns([b"", "가온".encode()], None)["이름"] == ["회원".encode(), "가온".encode()]


@pytest.mark.parametrize(
    ("kind", "text", "sender", "error"),
    [
        (Kind.BRAND, "가" * 1301, "", render.TooLong),
        (Kind.BRAND, "\n" * 100 + "가", "", render.TooLong),
        (Kind.BRAND, "  ", "", render.CannotSay),
        (Kind.SMS, "가" * 46, "0212345678", render.TooLong),
        (Kind.SMS, "#{이름}" + "가" * 30, "0212345678", render.TooLong),
        (Kind.SMS, "안녕하세요 😀", "0212345678", render.CannotSay),
        (Kind.SMS, "안녕하세요", "", render.CannotSay),
    ],
)
def test_what_does_not_fit_even_the_longest_reader_is_refused(
    kind: Kind, text: str, sender: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        render.check(a_template(text, kind=kind, sender=sender), FACTS[kind])


def test_buttons_may_hold_the_preference_link() -> None:
    message = Message(text="알림", buttons=(Button(name="수신 설정", link_mobile="#{수신설정}"),))

    render.check(a_template(message=message), FACTS[Kind.BRAND])

    with pytest.raises(render.CannotSay):
        render.check(
            a_template(message=Message(text="알림", buttons=(Button(name="x", link_mobile="javascript:1"),))),
            FACTS[Kind.BRAND],
        )
