"""Dealers asked in the background, against the sandbox: connection, money, keys, templates, pictures, refusals."""

from datetime import date, timedelta
from typing import Any

import pytest

from majung.channels import accounts, dealer, queries, services
from majung.channels.enums import AccountState, JobKind, JobState, MessageKind, Mode
from majung.channels.models import (
    AccountJob,
    Channel,
    DealerAccount,
    Picture,
    Price,
    SenderNumber,
    Template,
)
from majung.channels.services import jobs
from majung.channels.services.accounts import address_of
from majung.core import clock
from majung.core.db import raw
from majung.core.errors import Invalid
from majung.core.sealing import Unreadable
from majung.people.vault import sealer
from tests.channels.asking import ask
from tests.make import channels as make
from tests.make import people as make_people
from tests.make.sandbox import KEY, SECRET, Sandbox
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("M10"), pytest.mark.django_db]


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


# ── a dealer that tells less ─────────────────────────────────────────────────────────────────────────────────────────

TEXTS = {"sms_key": KEY, "sms_secret": SECRET}


def nhn(made: Organised, sandbox: Sandbox, **given: Any) -> DealerAccount:
    keys: dict[str, Any] = {"key": KEY, "secret": SECRET, "more": TEXTS} | given
    return make.account(unit=made.top, name="엔", base_url=sandbox.url, adapter="nhn", sender="", **keys)


def test_checking_an_account_without_a_balance(made: Organised, sandbox: Sandbox) -> None:
    sandbox.control(f"accounts/{KEY}", {"senders": ["0212345678"]})
    account = nhn(made, sandbox)

    job = ask(made, account, JobKind.CHECK)

    assert (job.state, account.state, account.balance_centiwon) == (JobState.DONE, AccountState.READY, None)
    assert "발신번호 1개" in job.result and SenderNumber.objects.get().is_default


def test_checking_an_account_of_one_service(made: Organised, sandbox: Sandbox) -> None:
    kakao = nhn(made, sandbox, more={})

    job = ask(made, kakao, JobKind.CHECK)

    assert (job.state, kakao.state) == (JobState.DONE, AccountState.READY) and "문자 앱키가 없습니다" in job.result


@pytest.mark.parametrize("wrong", [{"secret": "another-secret"}, {"more": TEXTS | {"sms_secret": "another-secret"}}])
def test_a_wrong_key_of_either_service_is_said(made: Organised, sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    account = nhn(made, sandbox, **wrong)

    job = ask(made, account, JobKind.CHECK)

    assert (job.state, account.state) == (JobState.FAILED, AccountState.FAILING) and "키와 비밀값" in account.problem


def test_what_the_dealer_does_not_tell_is_said_and_not_made_up(made: Organised, sandbox: Sandbox) -> None:
    account = nhn(made, sandbox, more={})

    prices, blocks = (ask(made, account, kind) for kind in (JobKind.PRICES, JobKind.BLOCKS))

    assert (prices.state, blocks.state) == (JobState.FAILED, JobState.DONE)
    assert "‘값 정하기’에 적어" in prices.result and "문자 앱키가 없습니다" in blocks.result


def test_templates_are_asked_for_a_profile_at_a_time(made: Organised, near: Channel, sandbox: Sandbox) -> None:
    account = nhn(made, sandbox)
    found = ask(made, account, JobKind.PROFILES)
    rows = [
        {"account": KEY, "templateId": f"N{at}", "channelId": pf, "name": "확인", "content": "접수되었습니다."}
        for at, pf in enumerate(["PF_ch1", "PF_ch2"])
    ]
    sandbox.control("templates", rows)

    ask(made, account, JobKind.TEMPLATES)

    assert "발신 프로필 1개" in found.result
    known = Template.objects.filter(dealer_id__startswith="N")  # the sandbox keeps those of other tests
    assert list(known.values_list("dealer_id", "state", "channel_id")) == [("N0", "APPROVED", near.pk)]


def test_pages_of_profiles_are_read_to_the_end(made: Organised, sandbox: Sandbox) -> None:
    sandbox.control(
        "channels",
        [
            {"pfId": f"PFx{at}", "profileId": f"_x{at}", "searchId": f"@x{at}", "name": "채널", "reach": "near"}
            for at in range(205)
        ],
    )
    live = accounts.load(raw(), sealer(), nhn(made, sandbox).pk)

    found = [pf.pf_id for pf in dealer.pages(live.adapter, live.adapter.profiles_request, live.adapter.decode_profiles)]

    assert len(found) == len(set(found)) >= 207
