"""Dealers asked in the background, against the sandbox: connection, money, profiles, templates, refusals, tests."""

import io
from datetime import date, timedelta
from typing import Any

import pytest
from openpyxl import Workbook

from majung.channels import accounts, friends, queries, services
from majung.channels.adapters.base import Kind, Message
from majung.channels.adapters.limits import CannotSay
from majung.channels.adapters.outcomes import Outcome
from majung.channels.enums import AccountState, JobKind, JobState, MessageKind, Mode
from majung.channels.errors import TooManyTests
from majung.channels.friends import FriendState, How
from majung.channels.models import (
    AccountJob,
    Channel,
    DealerAccount,
    DealerProfile,
    Friendship,
    KakaoApp,
    Picture,
    Price,
    SenderNumber,
    Template,
    TestSend,
)
from majung.channels.services import jobs
from majung.channels.services.accounts import address_of
from majung.core import clock
from majung.core.db import raw
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours
from majung.core.sealing import Unreadable
from majung.people.imports.reader import Unreadable as UnreadableList
from majung.people.vault import sealer
from majung.tree.enums import Role
from tests.make import channels as make
from tests.make import people as make_people
from tests.make import tree
from tests.make.sandbox import KEY, SECRET, Sandbox
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("M10"), pytest.mark.django_db]


@pytest.fixture
def made() -> Organised:
    return tree.organisation(depth=2, width=1)


@pytest.fixture
def account(made: Organised, sandbox: Sandbox) -> DealerAccount:
    return make.account(unit=made.top, base_url=sandbox.url, key=KEY, secret=SECRET, sender="")


@pytest.fixture
def near(made: Organised) -> Channel:
    return make.channel(unit=made.units[1], number=1)


def ask(made: Organised, account: DealerAccount, kind: JobKind) -> AccountJob:
    job = services.ask(made.actor, account, kind)
    jobs.run(job.pk)
    job.refresh_from_db()
    account.refresh_from_db()
    return job


# ── connection, money, numbers ───────────────────────────────────────────────────────────────────────────────────────


def test_checking_an_account(made: Organised, account: DealerAccount, sandbox: Sandbox) -> None:
    sandbox.control(f"accounts/{KEY}", {"balance": 12_345.5, "senders": ["0212345678", "16001234"]})

    job = ask(made, account, JobKind.CHECK)

    assert (job.state, account.state, account.balance_centiwon) == (JobState.DONE, AccountState.READY, 1_234_550)
    assert set(SenderNumber.objects.values_list("number", "is_default")) == {("0212345678", True), ("16001234", False)}


def test_a_number_taken_away_goes(made: Organised, account: DealerAccount, sandbox: Sandbox) -> None:
    sandbox.control(f"accounts/{KEY}", {"senders": ["0212345678", "16001234"]})
    ask(made, account, JobKind.CHECK)
    sandbox.control(f"accounts/{KEY}", {"senders": ["16001234"]})

    ask(made, account, JobKind.CHECK)

    assert list(SenderNumber.objects.values_list("number", "is_default")) == [("16001234", True)]


@pytest.mark.parametrize(
    ("break_it", "word"),
    [
        (lambda box, account: services.store_keys(account, key=KEY, secret="another"), "키와 비밀값"),
        (lambda box, account: DealerAccount.objects.update(base_url="http://127.0.0.1:9"), "듣지 못했습니다"),
        (lambda box, account: box.control("clock", {"offset_seconds": 3600}), "시계"),
        (lambda box, account: box.control("faults", {"error_next": 5}), "거절했습니다("),
    ],
)
def test_what_is_wrong_is_said_on_the_account(
    made: Organised, account: DealerAccount, sandbox: Sandbox, break_it: Any, word: str
) -> None:
    break_it(sandbox, account)
    account.refresh_from_db()

    job = ask(made, account, JobKind.CHECK)

    assert (job.state, account.state) == (JobState.FAILED, AccountState.FAILING)
    assert word in job.result and word in account.problem


def test_a_job_runs_once(made: Organised, account: DealerAccount, sandbox: Sandbox) -> None:
    job = ask(made, account, JobKind.CHECK)
    sandbox.control(f"accounts/{KEY}", {"balance": 5})

    jobs.run(job.pk)

    assert DealerAccount.objects.get().balance_centiwon == 100_000_000


def test_prices_of_the_dealer_hold_from_today(made: Organised, account: DealerAccount, sandbox: Sandbox) -> None:
    sandbox.control(f"accounts/{KEY}", {"prices": {"BMS_FREE": 23.5}})

    ask(made, account, JobKind.PRICES)
    again = ask(made, account, JobKind.PRICES)

    today = clock.today()
    paid = accounts.prices_on(raw(), account.pk, today)
    assert paid == {"ALIM": 1000, "BRAND": 2350, "SMS": 1200, "LMS": 3900}
    assert accounts.prices_on(raw(), account.pk, today - timedelta(days=1))["BRAND"] == 2500
    assert again.result == "값이 그대로입니다."


def test_the_latest_begun_price_holds(account: DealerAccount) -> None:
    Price.objects.create(account=account, kind=MessageKind.BRAND, centiwon=3000, valid_from=date(2026, 3, 1))
    Price.objects.create(
        account=account,
        kind=MessageKind.BRAND,
        centiwon=2000,
        valid_from=date(2026, 5, 1),
        valid_until=date(2026, 6, 1),
    )

    found = [accounts.prices_on(raw(), account.pk, day)["BRAND"] for day in (
        date(2026, 2, 28), date(2026, 3, 1), date(2026, 5, 1), date(2026, 5, 31), date(2026, 6, 1),
    )]  # fmt: skip

    assert found == [2500, 3000, 2000, 2000, 3000]
    assert accounts.prices_on(raw(), account.pk, date(2025, 12, 31)) == {}


def test_low_balance_becomes_a_duty(made: Organised, account: DealerAccount, sandbox: Sandbox) -> None:
    from majung.activity.models import Duty

    sandbox.control(f"accounts/{KEY}", {"balance": 100})
    ask(made, account, JobKind.CHECK)
    account.low_balance_centiwon = 100_00 * 100

    assert jobs.note_low_balance(account) and jobs.note_low_balance(account)

    assert Duty.objects.get(kind="channels.low_balance").unit_id == made.top.pk


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_are_sealed_to_their_place(made: Organised, account: DealerAccount) -> None:
    """A sealed key moved to another account, column or organisation opens nothing."""
    live = accounts.load(raw(), sealer(), account.pk)
    assert (live.adapter.account.key, live.adapter.account.secret) == (KEY, SECRET)
    assert SECRET not in repr(live) and SECRET not in repr(live.adapter.account)
    other = make.account(unit=made.top, name="둘째", key="OTHERKEY", secret="OTHERSECRET")
    account.refresh_from_db()
    DealerAccount.objects.filter(pk=other.pk).update(secret_sealed=bytes(account.secret_sealed))

    with pytest.raises(Unreadable):
        accounts.load(raw(), sealer(), other.pk)


@pytest.mark.parametrize("value", ["", "abc", "has space", "쉼,표", "a=b=c", "x" * 201, "줄\n바꿈"])
def test_what_cannot_be_a_key_is_told(account: DealerAccount, value: str) -> None:
    with pytest.raises(Invalid):
        services.store_keys(account, key=value, secret="GOODSECRET")


def test_the_mode_decides_the_address(made: Organised, settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:8790"
    fields = {"adapter": "solapi", "key": "KEYKEY", "secret": "SECRET"}

    test = services.add_account(made.actor, made.top, name="모의", mode=Mode.SANDBOX, **fields)
    live = services.add_account(made.actor, made.top, name="실제", mode=Mode.LIVE, **fields)

    assert (test.base_url, live.base_url) == ("http://127.0.0.1:8790", address_of("solapi", Mode.LIVE))
    assert (queries.mode_of(test), queries.mode_of(live), queries.mode_of(None)) == (False, True, None)
    assert live.base_url.startswith("https://")


def test_a_closed_account_has_no_keys(made: Organised, account: DealerAccount) -> None:
    services.close_account(made.actor, account)

    found = DealerAccount.objects.get()
    assert (found.state, bytes(found.key_sealed), bytes(found.secret_sealed)) == (AccountState.CLOSED, b"", b"")


# ── profiles ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _csv(*rows: str, header: str = "검색용 아이디,발신 프로필 ID") -> bytes:
    return "\r\n".join([header, *rows]).encode("cp949")


def test_profiles_from_a_list(made: Organised, account: DealerAccount, near: Channel) -> None:
    second = make.channel(unit=made.top, number=2)
    body = _csv("@ch1,PF01", "_ch2,PF02", "@nobody,PF03", "@ch1,PF09", ",", "@ch2,PF 4")

    done = services.import_profiles(made.actor, account, body)
    again = services.import_profiles(made.actor, account, _csv("@ch1,PF01", "@ch2,PF01"))

    assert (done.stored, done.unchanged, [p.row for p in done.problems]) == (2, 0, [4, 5, 7])
    assert dict(DealerProfile.objects.values_list("channel_id", "pf_id")) == {near.pk: "PF01", second.pk: "PF02"}
    assert (again.stored, again.unchanged, len(again.problems)) == (0, 1, 1)
    assert "다른 채널" in again.problems[0].sentence


def test_profiles_from_a_sheet_with_formulas(made: Organised, account: DealerAccount, near: Channel) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["pfId", "searchId"], ['=CONCAT("PF",1)', "@ch1"], ["PF01", "@ch1"]):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)

    done = services.import_profiles(made.actor, account, out.getvalue())

    assert (done.stored, [(p.row, "수식" in p.sentence) for p in done.problems]) == (1, [(2, True)])
    assert DealerProfile.objects.get().pf_id == "PF01"


@pytest.mark.parametrize(
    "body", [b"", b"\x00\x01\x02" * 50, b"PK\x03\x04broken", "이름,번호\n가,나".encode(), b"x" * (6 * 2**20)]
)
def test_what_is_no_list_of_profiles_is_told(made: Organised, account: DealerAccount, body: bytes) -> None:
    with pytest.raises((Invalid, UnreadableList)):
        services.import_profiles(made.actor, account, body)


def test_a_list_names_only_channels_in_hand(made: Organised, account: DealerAccount) -> None:
    """Neither another organisation's channel nor a sister's can be given a profile."""
    other = tree.organisation(depth=2, width=1)
    make.channel(unit=other.top, number=1)
    district = tree.lent(made, made.units[1])
    mine = make.account(unit=made.units[1], name="지역 계정")
    make.channel(unit=made.top, number=2)

    done = services.import_profiles(district, mine, _csv("@ch1,PF01", "@ch2,PF02"))

    assert (done.stored, len(done.problems), DealerProfile.objects.count()) == (0, 2, 0)
    with pytest.raises(NotYours):
        services.import_profiles(district, account, _csv("@ch1,PF01"))


def test_profiles_from_the_dealer(made: Organised, account: DealerAccount, near: Channel) -> None:
    job = ask(made, account, JobKind.PROFILES)

    assert (job.state, DealerProfile.objects.get().pf_id) == (JobState.DONE, "PF_ch1")


# ── templates, pictures ──────────────────────────────────────────────────────────────────────────────────────────────


def test_templates_follow_the_review(made: Organised, account: DealerAccount, near: Channel, sandbox: Sandbox) -> None:
    make.profile(account=account, channel=near)
    rows = [
        {
            "account": KEY,
            "templateId": f"TS{n}",
            "channelId": "PF_ch1",
            "name": f"확인 {n}",
            "content": "#{이름}님",
            "status": state,
        }
        for n, state in enumerate(["APPROVED", "PENDING", "REJECTED"])
    ]
    sandbox.control("templates", rows)

    ask(made, account, JobKind.TEMPLATES)

    found = Template.objects.filter(dealer_id__startswith="TS").order_by("dealer_id")
    assert [(t.dealer_id, t.state, t.channel_id) for t in found] == [
        ("TS0", "APPROVED", near.pk), ("TS1", "PENDING", near.pk), ("TS2", "REJECTED", near.pk),
    ]  # fmt: skip
    Template.objects.create(account=account, dealer_id="OLD", name="옛것", content="", state="APPROVED")
    ask(made, account, JobKind.TEMPLATES)
    assert Template.objects.get(dealer_id="OLD").state == "GONE"


def test_a_picture_reaches_the_dealer_and_its_bytes_go(made: Organised, account: DealerAccount) -> None:
    from tests.channels.test_console import _jpeg

    picture = services.add_picture(made.actor, account, "봄.jpg", _jpeg())
    jobs.run(AccountJob.objects.get(kind=JobKind.PICTURE).pk)
    same = services.add_picture(made.actor, account, "같은 그림.jpg", _jpeg())

    picture.refresh_from_db()
    assert picture.dealer_id.startswith("FILE") and picture.content is None
    assert (same.pk, Picture.objects.count(), AccountJob.objects.count()) == (picture.pk, 1, 1)


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _refusals() -> set[tuple[int, str, str]]:
    return set(raw().execute("SELECT person_id, medium, path FROM refusal").fetchall())


@pytest.mark.product("C3")
def test_refusals_at_the_dealer_become_ours(made: Organised, account: DealerAccount, sandbox: Sandbox) -> None:
    people = [make_people.person(unit=made.top, mobile=f"0107777000{n}", name=f"사람{n}") for n in (1, 2, 3)]
    for number in ("01077770001", "01099990000"):
        sandbox.control("refuse", {"number": number, "account": KEY})
    sandbox.control(f"accounts/{KEY}", {"blocked": ["01077770002"]})

    job = ask(made, account, JobKind.BLOCKS)
    before = _refusals()
    ask(made, account, JobKind.BLOCKS)

    assert job.state == JobState.DONE
    assert before == _refusals() == {
        (people[0], "SMS", "080"), (people[0], "KAKAO_AD", "080"), (people[1], "SMS", "dealer"), (people[1], "KAKAO_AD", "dealer"),
        (people[1], "KAKAO_ALIM", "dealer"),
    }  # fmt: skip
    assert account.blocks_pulled_at is not None


# ── test messages ────────────────────────────────────────────────────────────────────────────────────────────────────


def _trial(
    made: Organised, account: DealerAccount, channel: Channel | None, number: str = "010-0000-0001", **fields: Any
) -> TestSend:
    given: dict[str, Any] = {"kind": Kind.BRAND, "message": Message(text="#{이름}님, 시험입니다")} | fields
    return services.send_trial(made.actor, account, given["kind"], number, given["message"], channel)


def test_a_test_message_arrives(made: Organised, account: DealerAccount, near: Channel, sandbox: Sandbox) -> None:
    make.profile(account=account, channel=near)
    with clock.frozen(clock.now()):
        trial = _trial(made, account, near)
    sandbox.control("clock", {"offset_seconds": clock.offset_to(clock.now())})

    jobs.run(AccountJob.objects.get(kind=JobKind.TEST).pk)
    jobs.run(AccountJob.objects.get(kind=JobKind.TEST).pk)

    trial.refresh_from_db()
    at_night = not 8 <= clock.seoul().hour < 20
    assert trial.outcome in ({Outcome.DELIVERED, Outcome.OUT_OF_HOURS} if at_night else {Outcome.DELIVERED})
    assert trial.settled_at and trial.group_ref and trial.number_hint.endswith("0001")
    assert b"01000000001" not in bytes(trial.number_sealed)
    books = sandbox.control("books?campaign=0")
    assert books["ids_taken_more_than_once"] == 0


def test_a_test_message_passes_the_kinds_limits(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)

    with pytest.raises(CannotSay):
        _trial(made, account, near, message=Message(text="가" * 1301))
    with pytest.raises(CannotSay):
        _trial(made, account, None, kind=Kind.SMS, message=Message(text="그림 글자 😀"))
    with pytest.raises(Invalid):
        _trial(made, account, near, number="02-700-0000")
    with pytest.raises(Invalid):
        _trial(made, account, make.channel(unit=made.top, number=8))
    assert TestSend.objects.count() == 0


def test_test_messages_are_few_and_to_few_numbers(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)
    for number in ("01000000001", "01000000002", "01000000003"):
        _trial(made, account, near, number)
    with pytest.raises(TooManyTests, match="번호 3개"):
        _trial(made, account, near, "01000000004")
    for _ in range(7):
        _trial(made, account, near, "01000000001")
    with pytest.raises(TooManyTests, match="한 시간"):
        _trial(made, account, near, "01000000001")


def test_only_managers_send_tests(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)
    writer = tree.lent(made, made.top, role=Role.WRITER)

    with pytest.raises(Forbidden):
        services.send_trial(writer, account, Kind.BRAND, "01000000001", Message(text="글"), near)


# ── channels, friendships, routes ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.product("F1")
def test_newer_news_win_in_sets(made: Organised, near: Channel) -> None:
    now = clock.now()
    root = made.root.pk
    services.observe(root, near.pk, [1, 2, 3, 3], FriendState.ADDED, now, How.IMPORT)

    older = services.observe(root, near.pk, [1], FriendState.BLOCKED, now - timedelta(seconds=1), How.WEBHOOK)
    same = services.observe(root, near.pk, [1], FriendState.BLOCKED, now, How.WEBHOOK)
    newer = services.observe(root, near.pk, [2, 4], FriendState.NOT_A_FRIEND, now + timedelta(seconds=1), How.SENDING)

    assert (older, same, newer) == (0, 0, 2)
    assert dict(Friendship.objects.values_list("person_id", "state")) == {1: 1, 2: 3, 3: 1, 4: 3}
    assert friends.observe(raw(), root, near.pk, [], FriendState.ADDED, now, How.IMPORT) == 0


@pytest.mark.product("F1")
def test_changes_are_noted_by_statement_and_only_where_the_state_moved(made: Organised, near: Channel) -> None:
    now, root = clock.now(), made.root.pk
    services.observe(root, near.pk, list(range(1, 50)), FriendState.ADDED, now, How.IMPORT)
    services.observe(root, near.pk, list(range(1, 50)), FriendState.ADDED, now + timedelta(seconds=1), How.SENDING)
    services.observe(root, near.pk, [7, 8], FriendState.BLOCKED, now + timedelta(seconds=2), How.WEBHOOK)

    rows = raw().execute(
        "SELECT subject, cardinality(people) FROM crowd_change WHERE family = 'friend' AND root_id = %s ORDER BY seq",
        [root],
    )
    assert rows.fetchall() == [(near.pk, 49), (near.pk, 2)]


@pytest.mark.product("T2")
def test_route_channels_say_which_may_be_used(made: Organised, account: DealerAccount, near: Channel) -> None:
    top = make.channel(unit=made.top, number=2)
    paused = make.channel(unit=made.top, number=3, state="paused")
    for channel in (near, paused):
        make.profile(account=account, channel=channel)
    other = make.account(unit=made.top, name="둘째")

    found = {c.channel_id: c for c in queries.route_channels(made.root.pk)}

    assert {number: c.usable for number, c in found.items()} == {near.pk: True, top.pk: False, paused.pk: False}
    assert (found[near.pk].unit_path, found[near.pk].unit_code) == (made.units[1].path, made.units[1].code)
    assert not any(c.usable for c in queries.route_channels(made.root.pk, other.pk))
    tree.suspend(made.units[1])
    assert not any(c.usable for c in queries.route_channels(made.root.pk))


@pytest.mark.product("T2")
def test_accounts_serve_the_units_below_their_holder(made: Organised, account: DealerAccount) -> None:
    district = tree.lent(made, made.units[1], role=Role.WRITER)
    local = make.account(unit=made.units[1], name="지역 계정")

    assert list(queries.accounts_for(district, made.units[1])) == [local, account]
    assert list(queries.accounts_for(made.actor, made.top)) == [account]
    with pytest.raises(NotYours):
        queries.accounts_for(district, made.top)


def test_a_search_id_never_changes(made: Organised, near: Channel) -> None:
    from majung.channels.enums import ChannelKind, Reach
    from majung.channels.services.channels import ChannelFacts

    facts = ChannelFacts(
        name="새 이름", profile_id="_ch1", search_id="@other", kind=ChannelKind.BUSINESS, reach=Reach.NEAR
    )

    with pytest.raises(Conflict):
        services.change_channel(made.actor, near, facts)


def test_an_app_of_another_entity_does_not_connect(made: Organised, near: Channel) -> None:
    from majung.channels.enums import ChannelKind, Reach
    from majung.channels.services.channels import ChannelFacts

    other = tree.organisation()
    foreign: KakaoApp = make.kakao_app(unit=other.top)
    facts = ChannelFacts(
        name="이름", profile_id="_ch1", search_id="@ch1", kind=ChannelKind.BUSINESS, reach=Reach.NEAR, kakao_app=foreign
    )

    with pytest.raises(Invalid, match="법인"):
        services.change_channel(made.actor, near, facts)


@pytest.mark.product("T6")
def test_health_goes_by_what_is_there(made: Organised, account: DealerAccount, near: Channel) -> None:
    def word() -> str:
        return queries.health_of([Channel.objects.get(pk=near.pk)])[near.pk].word

    words = [word()]
    near.kakao_app = make.kakao_app(unit=made.units[1])
    near.save()
    words.append(word())
    bare = make.account(unit=made.top, name="값 없음", with_prices=False)
    make.profile(account=bare, channel=near, pf_id="PFX")
    words.append(word())
    make.profile(account=account, channel=near)
    words.append(word())
    Channel.objects.update(heard_at=clock.now())
    words.append(word())

    assert words == ["연결 안 됨", "발신 프로필 없음", "값 없음", "알림 기다림", "보낼 수 있음"]
