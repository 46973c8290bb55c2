"""Pages of channels and dealers: who may see what, what never leaves, forms that are wrong."""

import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from majung.channels import accounts, console_urls, services
from majung.channels.enums import MessageKind, Mode, Step
from majung.channels.models import AccountJob, Channel, ChannelStep, DealerAccount, KakaoApp, Picture, Price
from majung.core import clock
from majung.core.db import raw
from majung.people.vault import sealer
from majung.tree.actor import Actor
from majung.tree.enums import Role
from tests.make import channels as make
from tests.make import tree

pytestmark = [pytest.mark.product("T2", "T6"), pytest.mark.django_db]

MANAGERS = {Role.OWNER, Role.OPERATOR}
VIEWERS = {*MANAGERS, Role.WRITER, Role.BLIND_SENDER, Role.VIEWER}


class World:
    """Two organisations; in ours two sisters under the top, each with a channel, an app and an account."""

    def __init__(self) -> None:
        self.ours = tree.organisation(depth=2, width=2)
        self.theirs = tree.organisation(depth=2, width=1)
        self.own, self.sister = self.ours.units[1], self.ours.units[2]
        self.places = {"own": self.own, "sister": self.sister, "other": self.theirs.units[1]}
        self.apps: dict[str, KakaoApp] = {}
        self.channels: dict[str, Channel] = {}
        self.accounts: dict[str, DealerAccount] = {}
        self.pictures: dict[str, Picture] = {}
        for at, (name, unit) in enumerate(self.places.items()):
            self.apps[name] = make.kakao_app(unit=unit, name=f"앱 {name}", admin_key=f"admin-key-of-{name}")
            self.channels[name] = make.channel(unit=unit, number=at, app=self.apps[name], name=f"채널 {name}")
            self.accounts[name] = make.account(unit=unit, name=f"계정 {name}", key=f"KEY{name}", secret=f"SECRET{name}")
            make.profile(account=self.accounts[name], channel=self.channels[name])
            self.pictures[name] = Picture.objects.create(
                account=self.accounts[name], kind=MessageKind.BRAND, name=f"그림 {name}", dealer_id=f"F{name}", width=600,
                height=600, digest=name.encode(), preview=b"\xff\xd8jpeg",
            )  # fmt: skip

    def client(self, role: Role) -> Client:
        """Somebody with that role at our first sister unit alone (an owner: at the top)."""
        if role is Role.OWNER:
            return signed_in(self.ours.owner)
        actor: Actor = tree.lent(self.ours, self.own, role=role)
        return signed_in(actor.user)


def signed_in(user: Any) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def world() -> World:
    return World()


# Every address: (name, method, what it is about, who may). What is about nothing is open by act alone.
TABLE: list[tuple[str, str, str, set[Role]]] = [
    ("list", "GET", "", VIEWERS),
    ("new", "GET", "", MANAGERS),
    ("apps", "GET", "", MANAGERS),
    ("app", "GET", "app", MANAGERS),
    ("picture", "GET", "picture", VIEWERS),
    ("channel", "GET", "channel", VIEWERS),
    ("edit", "GET", "channel", MANAGERS),
    ("step", "POST", "channel", MANAGERS),
    ("dealers", "GET", "", MANAGERS),
    ("dealer_new", "GET", "", MANAGERS),
    ("dealer", "GET", "account", MANAGERS),
    ("dealer_edit", "GET", "account", MANAGERS),
    ("dealer_ask", "POST", "account", MANAGERS),
    ("dealer_jobs", "GET", "account", MANAGERS),
    ("dealer_profiles", "GET", "account", MANAGERS),
    ("dealer_prices", "POST", "account", MANAGERS),
    ("dealer_templates", "GET", "account", MANAGERS),
    ("dealer_pictures", "POST", "account", MANAGERS),
    ("dealer_trial", "POST", "account", MANAGERS),
    ("dealer_close", "POST", "account", MANAGERS),
]
EXTRA = {"step": ["business"], "dealer_ask": ["check"]}


def call(client: Client, name: str, method: str, thing: Any = None) -> Any:
    args = [] if thing is None else [thing.public_id]
    url = reverse(f"channels:{name}", args=args + EXTRA.get(name, []))
    return client.get(url) if method == "GET" else client.post(url, {"note": "적어 둡니다"})


def test_the_table_names_every_address() -> None:
    assert {name for name, *_ in TABLE} == {pattern.name for pattern in console_urls.urlpatterns}


@pytest.mark.parametrize("role", list(Role))
def test_who_may(world: World, role: Role) -> None:
    """Own tree by role; the sister and the other organisation are 404, byte for byte like what does not exist."""
    client = world.client(role)
    kinds: dict[str, dict[str, Any]] = {
        "app": world.apps, "channel": world.channels, "account": world.accounts, "picture": world.pictures,
    }  # fmt: skip
    for name, method, kind, roles in TABLE:
        things = kinds.get(kind)
        own = call(client, name, method, things and things["own"])
        good = {200, 302, 422} if role in roles else {403, 404} if kind == "picture" else {403}
        assert own.status_code in good, (name, role, own.status_code)
        if things is None:
            continue
        client.get(reverse("channels:list"))  # shows, and so empties, what the act had to say
        missing = call(client, name, method, type("No", (), {"public_id": "00000000-0000-7000-8000-000000000000"}))
        hidden = [call(client, name, method, things["other"])]
        if role is not Role.OWNER:
            hidden.append(call(client, name, method, things["sister"]))
        for answer in hidden:
            if role in VIEWERS:
                assert answer.status_code == 404, (name, role)
            else:
                assert answer.status_code in (403, 404)
            assert _same(answer) == _same(missing), (name, role)


def _same(answer: Any) -> tuple[int, bytes]:
    """Status and body without the request's number and token, which differ in every answer."""
    import re

    body = re.sub(rb'(csrf-token" content=|csrfmiddlewaretoken" value=)"[^"]*"', b"", answer.content)
    return answer.status_code, body


def test_visitors_are_sent_to_sign_in(world: World) -> None:
    answer = Client().get(reverse("channels:list"))

    assert answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")


def test_lists_hold_nothing_of_sisters_or_strangers(world: World) -> None:
    client = world.client(Role.OPERATOR)
    pages = [
        reverse("channels:list"), reverse("channels:list") + "?q=채널", reverse("channels:apps"), reverse("channels:dealers"),
        reverse("channels:new"), reverse("channels:edit", args=[world.channels["own"].public_id]),
        reverse("channels:channel", args=[world.channels["own"].public_id]),
        reverse("channels:app", args=[world.apps["own"].public_id]),
        reverse("channels:dealer", args=[world.accounts["own"].public_id]),
        reverse("channels:dealer_profiles", args=[world.accounts["own"].public_id]),
    ]  # fmt: skip

    for url in pages:
        text = client.get(url).content.decode()
        for word in ("채널", "앱", "계정"):
            for place in ("sister", "other"):
                assert f"{word} {place}" not in text, url
        assert world.apps["sister"].path_token not in text


def test_keys_and_secrets_are_never_shown(world: World) -> None:
    """Not on the page, not in the forms, not in the database as plain text."""
    client = world.client(Role.OPERATOR)
    for url in (
        reverse("channels:dealer", args=[world.accounts["own"].public_id]),
        reverse("channels:dealer_edit", args=[world.accounts["own"].public_id]),
        reverse("channels:app", args=[world.apps["own"].public_id]),
        reverse("channels:channel", args=[world.channels["own"].public_id]),
    ):
        text = client.get(url).content.decode()
        assert not [word for word in ("KEYown", "SECRETown", "admin-key-of-own") if word in text]

    answer = client.post(
        reverse("channels:dealer_edit", args=[world.accounts["own"].public_id]),
        {"name": "", "key": "TYPEDKEY", "secret": "TYPEDSECRET"},
    )

    assert answer.status_code == 422 and b"TYPED" not in answer.content
    account = DealerAccount.objects.get(pk=world.accounts["own"].pk)
    assert b"SECRETown" not in bytes(account.secret_sealed) and b"KEYown" not in bytes(account.key_sealed)


def test_the_webhook_path_is_for_managers(world: World) -> None:
    url = reverse("channels:channel", args=[world.channels["own"].public_id])

    assert world.apps["own"].path_token in world.client(Role.OPERATOR).get(url).content.decode()
    assert world.apps["own"].path_token not in world.client(Role.VIEWER).get(url).content.decode()


def test_sandbox_or_live_is_on_every_page_of_an_account(world: World) -> None:
    client = world.client(Role.OPERATOR)
    account = world.accounts["own"]
    names = ("dealer", "dealer_edit", "dealer_profiles", "dealer_templates")
    for mode, word, absent in (("sandbox", "모의", "실제 발송"), ("live", "실제", "모의 발송")):
        DealerAccount.objects.filter(pk=account.pk).update(mode=mode)
        for name in names:
            text = client.get(reverse(f"channels:{name}", args=[account.public_id])).content.decode()
            assert word in text and absent not in text, (name, mode)


def test_no_component_goes_out_unrendered(world: World) -> None:
    client = world.client(Role.OWNER)
    for name, method, kind, _ in TABLE:
        if method == "GET" and kind != "picture":
            things: dict[str, Any] = {
                "": None,
                "app": world.apps,
                "channel": world.channels,
                "account": world.accounts,
            }[kind]
            text = call(client, name, method, things and things["own"]).content.decode()
            assert "<c-" not in text and "{{" not in text and "{%" not in text and "style=" not in text, name


def test_the_board_does_not_ask_once_a_channel(world: World, django_assert_max_num_queries: Any) -> None:
    client = world.client(Role.OWNER)
    url = reverse("channels:list")
    client.get(url)
    with django_assert_max_num_queries(40) as few:
        client.get(url)
    for number in range(20, 40):
        make.channel(unit=world.own, number=number, app=world.apps["own"])

    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(url)


# ── acts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_adding_a_channel(world: World) -> None:
    client = world.client(Role.OPERATOR)
    said = {
        "unit": world.own.pk, "name": "　새 채널 ", "search_id": "@new", "profile_id": "_new", "kind": "business", "reach": "near",
        "state": "active", "kakao_app": world.apps["own"].pk, "counted_friends": "120",
    }  # fmt: skip

    answer = client.post(reverse("channels:new"), said)

    made = Channel.objects.get(search_id="@new")
    assert answer["Location"] == reverse("channels:channel", args=[made.public_id])
    assert (made.name, made.unit_id, made.root_id, made.counted_friends) == (
        "새 채널",
        world.own.pk,
        world.ours.root.pk,
        120,
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"search_id": "new"}, "@로 시작"), ({"profile_id": "abc"}, "밑줄"), ({"search_id": "@ch0"}, "이미 있습니다"),
        ({"name": " "}, "필수"), ({"kind": "x"}, "선택"), ({"unit": "999999"}, "선택"), ({"counted_friends": "-1"}, "0 이상"),
    ],
)  # fmt: skip
def test_a_wrong_channel_is_told(world: World, change: dict[str, str], word: str) -> None:
    said = {
        "unit": world.own.pk, "name": "새 채널", "search_id": "@new", "profile_id": "_new", "kind": "business", "reach": "near",
        "state": "active",
    }  # fmt: skip
    before = Channel.objects.count()

    answer = world.client(Role.OPERATOR).post(reverse("channels:new"), said | change)

    assert (answer.status_code, Channel.objects.count()) == (422, before)
    assert word in answer.content.decode()


def test_a_sisters_unit_or_app_cannot_be_named_in_a_form(world: World) -> None:
    said = {
        "unit": world.sister.pk, "name": "새", "kind": "business", "reach": "near", "state": "active",
        "kakao_app": world.apps["other"].pk,
    }  # fmt: skip

    answer = world.client(Role.OPERATOR).post(reverse("channels:new"), said)

    assert answer.status_code == 422 and not Channel.objects.filter(name="새").exists()


def test_the_messengers_own_answer_is_written_down(world: World) -> None:
    """The step on political use needs the answer itself; who and when stand beside it."""
    client = world.client(Role.OPERATOR)
    url = reverse("channels:step", args=[world.channels["own"].public_id, Step.POLITICS])

    empty = client.post(url, {"note": ""})
    done = client.post(url, {"note": "2026-03-02 고객센터: 당원 대상 소식은 가능하다고 답함"})

    assert empty.status_code == 422 and "답을 적어 주세요" in empty.content.decode()
    assert done.status_code == 302
    step = ChannelStep.objects.get()
    assert (step.step, step.done_by is not None, step.note[:10]) == (Step.POLITICS, True, "2026-03-02")
    page = client.get(reverse("channels:channel", args=[world.channels["own"].public_id])).content.decode()
    assert "당원 대상 소식은 가능" in page
    client.post(url, {"undo": "1"})
    assert ChannelStep.objects.count() == 0


def test_a_step_that_does_not_exist(world: World) -> None:
    url = reverse("channels:step", args=[world.channels["own"].public_id, "nothing"])

    assert world.client(Role.OPERATOR).post(url).status_code == 404


def test_a_price_from_a_day_on(world: World) -> None:
    client = world.client(Role.OPERATOR)
    url = reverse("channels:dealer_prices", args=[world.accounts["own"].public_id])

    good = client.post(url, {"kind": "BRAND", "won": "23.5", "valid_from": "2026-12-01"})
    bad = [
        client.post(url, {"kind": "BRAND", "won": won, "valid_from": "2026-12-01"})
        for won in ("0", "-1", "NaN", "1e9", "23.555")
    ]

    assert good.status_code == 302 and {answer.status_code for answer in bad} == {422}
    price = Price.objects.get(valid_from="2026-12-01")
    assert (price.kind, price.centiwon) == ("BRAND", 2350)


def _jpeg(width: int = 600, height: int = 400) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, "JPEG")
    return out.getvalue()


def _upload(client: Client, world: World, name: str, content: bytes) -> Any:
    file = io.BytesIO(content)
    file.name = name
    return client.post(reverse("channels:dealer_pictures", args=[world.accounts["own"].public_id]), {"file": file})


def test_a_picture_is_kept_and_asked_for(world: World) -> None:
    client = world.client(Role.OPERATOR)

    assert _upload(client, world, "봄.jpg", _jpeg()).status_code == 302

    picture = Picture.objects.get(name="봄.jpg")
    assert (picture.width, picture.height, picture.dealer_id) == (600, 400, "")
    assert AccountJob.objects.get(kind="picture").object_id == picture.pk
    preview = client.get(reverse("channels:picture", args=[picture.public_id]))
    assert preview["Content-Type"] == "image/jpeg" and Image.open(io.BytesIO(preview.content)).size == (480, 320)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + b"0" * 100,
        _jpeg()[:200],
        _jpeg(499, 400),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"x" * (5 * 2**20 + 1),
    ],
)
def test_what_is_no_picture_is_told(world: World, content: bytes) -> None:
    answer = _upload(world.client(Role.OPERATOR), world, "a.jpg", content)

    assert answer.status_code == 422 and Picture.objects.filter(name="a.jpg").count() == 0


def test_an_account_without_keys_is_told(world: World) -> None:
    DealerAccount.objects.filter(pk=world.accounts["own"].pk).update(key_sealed=b"", secret_sealed=b"")

    answer = world.client(Role.OPERATOR).post(
        reverse("channels:dealer_ask", args=[world.accounts["own"].public_id, "check"])
    )

    assert answer.status_code == 400 and AccountJob.objects.count() == 0


def test_asking_twice_asks_once(world: World) -> None:
    client = world.client(Role.OPERATOR)
    url = reverse("channels:dealer_ask", args=[world.accounts["own"].public_id, "check"])

    assert [client.post(url).status_code for _ in range(3)] == [302] * 3

    assert AccountJob.objects.count() == 1
    page = client.get(reverse("channels:dealer", args=[world.accounts["own"].public_id])).content.decode()
    assert 'hx-trigger="every 1s"' in page


@pytest.mark.product("F1")
def test_a_persons_page_shows_channels_in_sight_with_state_and_source(world: World) -> None:
    """Own channel with when and how; a sister's channel of the same person is not named."""
    from majung.channels.friends import FriendState, How
    from tests.make import people

    person = people.person(unit=world.own)
    make.friends_of(channel=world.channels["own"], people=[person], state=FriendState.BLOCKED, how=How.WEBHOOK)
    make.friends_of(channel=world.channels["sister"], people=[person])

    page = world.client(Role.OPERATOR).get(reverse("people:person", args=[person])).content.decode()
    whole = world.client(Role.OWNER).get(reverse("people:person", args=[person])).content.decode()

    assert "채널 own" in page and "차단" in page and "카카오 알림" in page
    assert "채널 sister" not in page and "채널 sister" in whole


NHN = {"name": "엔에이치엔", "adapter": "nhn", "mode": "sandbox", "refusal_number": ""}


def test_each_dealer_asks_for_what_it_wants(world: World) -> None:
    client = world.client(Role.OWNER)
    url = reverse("channels:dealer_new")

    pages = {code: client.get(url, {"adapter": code}).content.decode() for code in ("solapi", "nhn")}

    assert "sms_secret" in pages["nhn"] and "sms_secret" not in pages["solapi"]
    assert all("NHN Cloud" in page and "솔라피" in page for page in pages.values()), "the others can be chosen"
    assert client.get(url).content.decode().count('name="secret"') == 1
    assert client.get(url, {"adapter": "../../etc"}).status_code == 404


def test_adding_an_account_of_another_dealer(world: World) -> None:
    client = world.client(Role.OPERATOR)
    keys = {"sms_key": "TEXTAPPKEY", "sms_secret": "TEXTSECRET"}

    answer = client.post(reverse("channels:dealer_new"), NHN | keys | {"unit": world.own.pk})

    made = DealerAccount.objects.get(name="엔에이치엔")
    assert answer["Location"] == reverse("channels:dealer", args=[made.public_id])
    live = accounts.load(raw(), sealer(), made.pk)
    assert (made.adapter, live.adapter.account.key, dict(live.adapter.account.more)) == ("nhn", "", keys)
    assert b"TEXTSECRET" not in bytes(made.more_sealed) and "TEXTSECRET" not in repr(live.adapter.account)
    page = client.get(answer["Location"]).content.decode()
    assert "나중에 청구해" in page and "가격표를 알려 주지 않습니다" in page and "대행사 가격표 가져오기" not in page


def test_an_account_whose_dealer_tells_nothing_by_itself(world: World) -> None:
    """The sender numbers are written down by hand, and there is no address to register."""
    said = {"name": "알리고 계정", "adapter": "aligo", "mode": "sandbox", "refusal_number": "", "unit": world.own.pk}
    keys = {"key": "our-user", "senders": "02-1234-5678, 031-123-4567", "secret": "OURAPIKEY"}
    client = world.client(Role.OPERATOR)

    wrong = client.post(reverse("channels:dealer_new"), said | keys | {"senders": "전화 번호"})
    answer = client.post(reverse("channels:dealer_new"), said | keys)

    assert (
        wrong.status_code == 422 and "8–12자리" in wrong.content.decode() and "OURAPIKEY" not in wrong.content.decode()
    )
    made = DealerAccount.objects.get(name="알리고 계정")
    live = accounts.load(raw(), sealer(), made.pk)
    assert dict(live.adapter.account.more) == {"senders": "02-1234-5678, 031-123-4567"}
    page = client.get(answer["Location"]).content.decode()
    assert "스스로 알려 오지 않아" in page and "건수만 알려 줍니다" in page and "OURAPIKEY" not in page


def test_an_account_for_letters_shows_nothing_of_channels_and_calls(world: World) -> None:
    said = {"name": "우리 편지", "adapter": "smtp", "mode": "sandbox", "unit": world.own.pk}
    keys = {"server": "smtp+plain://127.0.0.1:2599", "from": "news@party.example", "from_name": "우리 당"}
    client = world.client(Role.OPERATOR)

    form = client.get(f"{reverse('channels:dealer_new')}?adapter=smtp").content.decode()
    answer = client.post(reverse("channels:dealer_new"), said | keys)
    page = client.get(answer["Location"]).content.decode()

    assert "080" not in form and form.count("다시 보여 드리지 않습니다") == 1
    assert "majung returns" in page and page.count("이런 것이 없습니다") == 0
    assert not [
        words for words in ("발신 프로필", "080 번호", "템플릿</dt>", "결과 알림", "브랜드 메시지") if words in page
    ]


def test_whether_reports_arrive_is_said(world: World) -> None:
    client = world.client(Role.OPERATOR)
    account = make.account(unit=world.own, name="보고 계정")
    address = reverse("channels:dealer", args=[account.public_id])

    before = client.get(address).content.decode()
    DealerAccount.objects.filter(pk=account.pk).update(reported_at=clock.now())
    after = client.get(address).content.decode()

    assert "아직 온 적이 없습니다" in before and f"/r/{account.report_token}" in before
    assert "알림이 오고 있습니다" in after and "아직 온 적이" not in after


def test_a_secret_in_base64_is_taken_as_it_is(world: World) -> None:
    said = {"name": "팝빌 계정", "adapter": "popbill", "mode": "sandbox", "refusal_number": "", "unit": world.own.pk}
    keys = {"key": "OURLINK", "corp": "123-45-67890", "secret": "c2VjcmV0+2tleS9vZg=="}
    client = world.client(Role.OPERATOR)

    wrong = [
        client.post(reverse("channels:dealer_new"), said | keys | one)
        for one in ({"secret": "c2VjcmV0"[:-1]}, {"corp": "12"}, {"key": "L, K"}, {"secret": "c2Vj\ncmV0"})
    ]
    answer = client.post(reverse("channels:dealer_new"), said | keys)

    assert [one.status_code for one in wrong] == [422] * 4
    made = DealerAccount.objects.get(name="팝빌 계정")
    live = accounts.load(raw(), sealer(), made.pk)
    assert (live.adapter.account.secret, dict(live.adapter.account.more)) == (keys["secret"], {"corp": "123-45-67890"})
    page = client.get(answer["Location"]).content.decode()
    assert "결과 알림 주소" in page and "대행사의 웹훅 주소로" in page and keys["secret"] not in page


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({}, "앱키와 비밀 키를 적어"), ({"key": "APPKEY"}, "함께 적어"), ({"key": "APPKEY", "secret": "b c d"}, "꼴이 아닙니다"),
        ({"key": "APPKEY", "sms_secret": "SECRET"}, "함께 적어"), ({"sms_key": "x" * 201, "sms_secret": "SECRET"}, "200"),
        ({"sms_key": "줄\n바꿈", "sms_secret": "SECRET"}, "꼴이 아닙니다"),
    ],
)  # fmt: skip
def test_wrong_keys_of_another_dealer_are_told(world: World, keys: dict[str, str], word: str) -> None:
    answer = world.client(Role.OPERATOR).post(reverse("channels:dealer_new"), NHN | keys | {"unit": world.own.pk})

    assert answer.status_code == 422 and word in answer.content.decode() and "SECRET" not in answer.content.decode()
    assert not DealerAccount.objects.filter(name="엔에이치엔").exists()


def test_one_pair_of_keys_changes_and_the_other_stays(world: World) -> None:
    first = {"key": "KAKAOKEY", "secret": "KAKAOSECRET", "more": {"sms_key": "TEXTKEY", "sms_secret": "TEXTSECRET"}}
    account = services.add_account(world.ours.actor, world.own, name="둘", adapter="nhn", mode=Mode.SANDBOX, **first)  # type: ignore[arg-type]
    url = reverse("channels:dealer_edit", args=[account.public_id])
    client = world.client(Role.OPERATOR)

    changed = client.post(url, {"name": "둘", "sms_key": "NEWTEXTKEY", "sms_secret": "NEWTEXTSECRET"})
    half = client.post(url, {"name": "둘", "sms_key": "HALF"})

    assert (changed.status_code, half.status_code) == (302, 422) and "함께 바꿉니다" in half.content.decode()
    opened = accounts.load(raw(), sealer(), account.pk).adapter.account
    assert (opened.key, opened.secret) == ("KAKAOKEY", "KAKAOSECRET")
    assert dict(opened.more) == {"sms_key": "NEWTEXTKEY", "sms_secret": "NEWTEXTSECRET"}
    services.close_account(world.ours.actor, account)
    account.refresh_from_db()
    assert not account.has_keys
