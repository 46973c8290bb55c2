"""Sets the invented party up: tree, channels, the dealer's account, notices and operators, by the rooms' own services."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from majung.accounts import services as accounts
from majung.accounts.models import User
from majung.channels import services as channels
from majung.channels.enums import ChannelKind, JobKind, JobState, MessageKind, Mode, Reach, Step
from majung.channels.models import AccountJob, Channel, ChannelStep, DealerAccount, KakaoApp
from majung.channels.services.channels import ChannelFacts
from majung.consent import notices
from majung.consent.enums import ConsentMedium, ConsentPurpose
from majung.consent.models import Notice
from majung.consent.notices import Words
from majung.core import clock
from majung.core.errors import Outside
from majung.demo import tree as party
from majung.demo.gateway import Gateway
from majung.demo.tree import Place
from majung.tree import services as tree
from majung.tree import sheets
from majung.tree.actor import Actor, actor_of_user
from majung.tree.enums import OrganisationKind, Role
from majung.tree.models import LegalEntity, Unit
from majung.tree.rules import NO_LIMITS, Quotas

Say = Callable[[str], None]

KEY, SECRET = "MAJUNG-DEMO-KEY", "majung-demo-secret-0123456789"
ADMIN_KEY = "demo-admin-key-0123456789abcdef"
SENDER, REFUSALS = "020000000", "080-000-0000"
BALANCE_WON = 100_000_000
PRICES = {MessageKind.BRAND: 2_300, MessageKind.ALIM: 800, MessageKind.SMS: 1_000, MessageKind.LMS: 3_300}
PASSWORD = "가람-열쇠-2026"  # noqa: S105  of the demo's invented operators
MONTH_WON = 60_000_000
BLIND_MESSAGES_A_DAY = 3_000
POLITICS = "시연: 정당이 당원에게 보내는 알림은 보낼 수 있다는, 꾸며 낸 회신입니다."

NOTICES: tuple[tuple[str, Words], ...] = (
    (
        "join",
        Words(
            purpose=ConsentPurpose.SERVICE, title="당원 가입과 안내를 위한 개인정보 수집·이용", required=True,
            purpose_text="가입 확인, 당원 명부 관리, 당의 알림", items_text="이름, 휴대전화번호, 태어난 해, 선거구",
            retention_text="탈당한 때까지", refusal_text="동의하지 않을 수 있습니다. 그러면 가입할 수 없습니다.",
        ),
    ),
    (
        "sensitive",
        Words(
            purpose=ConsentPurpose.SENSITIVE, title="민감정보(정당 가입 여부) 처리", required=True,
            purpose_text="당원 자격 확인과 당원에게 알림 보내기", items_text="정당 가입 여부",
            retention_text="탈당한 때까지", refusal_text="동의하지 않을 수 있습니다. 그러면 당원으로서의 알림을 받을 수 없습니다.",
        ),
    ),
    (
        "news",
        Words(
            purpose=ConsentPurpose.PARTY_NOTICE, title="선택 소식 받기", media=(ConsentMedium.KAKAO_AD, ConsentMedium.SMS),
            purpose_text="모임, 교육, 정책 소식 보내기", items_text="이름, 휴대전화번호", retention_text="거부한 때까지",
            refusal_text="동의하지 않아도 당원의 권리에 변함이 없습니다.",
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What was set up, for the steps after it."""

    centre: Actor
    entity: LegalEntity
    units: dict[str, Unit]
    channels: dict[str, Channel]
    account: DealerAccount
    app: KakaoApp
    notices: dict[str, Notice]


def build(gateway: Gateway, say: Say, places: Sequence[Place] | None = None) -> World:
    """The party stands, its channels are known to the sandbox, its account answers. Needs a running worker.

    ``places``: its units, parents first; without them the whole party.
    """
    places = party.places() if places is None else places
    owner = tree.create_owner(party.PARTY, OrganisationKind.POLITICAL, party.ENTITY, party.OWNER, PASSWORD)
    centre = _actor(owner)
    units = _units(centre, places)
    say(f"조직 {len(units)}곳을 세웠습니다.")
    entity = units[party.CENTRE_CODE].entity
    app = channels.add_app(centre, units[party.CENTRE_CODE], f"{party.PARTY} 앱", ADMIN_KEY)
    made = _channels(centre, units, app, places)
    account = _account(centre, units[party.CENTRE_CODE], gateway, made, app)
    say(f"채널 {len(made)}개를 열고 대행사 모형에 이었습니다.")
    stand = {
        code: notices.publish_notice(centre, notices.write_notice(centre, units[party.CENTRE_CODE], code, words))
        for code, words in NOTICES
    }
    tree.set_budget(centre, units[party.CENTRE_CODE], clock.today().replace(day=1), MONTH_WON * 100)
    _operators(centre, units)
    return World(centre=centre, entity=entity, units=units, channels=made, account=account, app=app, notices=stand)


def _actor(user: User) -> Actor:
    actor = actor_of_user(user)
    if actor is None:
        raise RuntimeError("the owner holds nothing")
    return actor


def _units(centre: Actor, places: Sequence[Place]) -> dict[str, Unit]:
    top = Unit.objects.select_related("kind", "entity").get(root_id=centre.root_id, depth=1)
    entity = top.entity
    LegalEntity.objects.filter(pk=entity.pk).update(
        phone="02-000-0000", address="서울특별시 가람로 1", refusal_number=REFUSALS
    )
    entity.refresh_from_db()
    rows = sheets.read(io.BytesIO(party.sheet(places).encode("cp949")), "가람당 조직.csv")
    sheets.apply(centre, sheets.diff(centre, rows))
    found = Unit.objects.filter(root_id=centre.root_id).select_related("kind", "entity", "root")
    return {unit.code: unit for unit in found}


def _channels(centre: Actor, units: dict[str, Unit], app: KakaoApp, places: Sequence[Place]) -> dict[str, Channel]:
    made: dict[str, Channel] = {}
    for place in places:
        if place.kind == party.REPRESENTATIVE:
            continue
        wide = place.kind != party.DISTRICT
        tail = place.code.lower()
        channel = channels.add_channel(
            centre,
            units[place.code],
            ChannelFacts(
                name=party.PARTY if place.kind == party.CENTRE else f"{party.PARTY} {place.name}", profile_id=f"_garam{tail}",
                search_id=f"@garam{tail}", kind=ChannelKind.BUSINESS, reach=Reach.WIDE if wide else Reach.NEAR, kakao_app=app,
            ),
        )  # fmt: skip
        made[place.code] = channel
    now, by = clock.now(), centre.user
    ChannelStep.objects.bulk_create(
        ChannelStep(channel=channel, step=step, done_at=now, done_by=by, note=POLITICS if step == Step.POLITICS else "")
        for channel in made.values()
        for step in Step
    )
    return made


def _account(centre: Actor, unit: Unit, gateway: Gateway, made: dict[str, Channel], app: KakaoApp) -> DealerAccount:
    account = channels.add_account(
        centre, unit, name="시연 대행사", adapter="solapi", mode=Mode.SANDBOX, key=KEY, secret=SECRET, refusal_number=REFUSALS
    )  # fmt: skip
    gateway.post(
        "accounts",
        {
            "apiKey": KEY, "apiSecret": SECRET, "balance": BALANCE_WON, "senders": [SENDER],
        },
    )  # fmt: skip
    rows = [
        {
            "pfId": f"PF-{code}",
            "profileId": c.profile_id,
            "searchId": c.search_id,
            "name": c.name,
            "reach": str(c.reach),
        }
        for code, c in made.items()
    ]
    gateway.post("channels", rows)
    address(gateway, account, app)
    sheet = "검색용 아이디,발신 프로필 ID\n" + "".join(f"{row['searchId']},{row['pfId']}\n" for row in rows)
    done = channels.import_profiles(centre, account, sheet.encode("cp949"))
    if done.problems:
        raise RuntimeError(f"profiles: {done.problems[:3]}")
    for kind, centiwon in PRICES.items():
        channels.set_price(centre, account, kind, centiwon, clock.today())
    _await_job(channels.ask(centre, account, JobKind.CHECK))
    account.refresh_from_db()
    return account


def address(gateway: Gateway, account: DealerAccount, app: KakaoApp) -> None:
    """The sandbox knows where this installation's inlet listens now."""
    reports = {"url": f"{settings.INGEST_URL}/r/{account.report_token}", "reports": ["group"]}
    gateway.post(f"accounts/{KEY}/webhook", reports)
    gateway.post("kakao", {"webhook_url": f"{settings.INGEST_URL}/k/{app.path_token}", "admin_key": ADMIN_KEY})


def _await_job(job: AccountJob, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job.refresh_from_db()
        if job.state == JobState.DONE:
            return
        if job.state != JobState.ASKED:
            raise Outside(f"{job.get_kind_display()}: {job.result}", retryable=False)
        connection.close_if_unusable_or_obsolete()
        time.sleep(0.2)
    raise Outside("일꾼이 대행사 확인을 끝내지 못했습니다", retryable=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Somebody who signs in to the demo."""

    email: str
    unit_code: str
    role: Role
    label: str
    quotas: Quotas = NO_LIMITS


OPERATORS: Sequence[Operator] = (
    Operator(email="centre@demo.example", unit_code=party.CENTRE_CODE, role=Role.OPERATOR, label="채하늘 · 중앙 운영"),
    Operator(email="province@demo.example", unit_code="R11", role=Role.OPERATOR, label="설이든 · 서울 운영"),
    Operator(email="district@demo.example", unit_code="2110101", role=Role.OPERATOR, label="도가온 · 종로 운영"),
    Operator(
        email="sender@demo.example", unit_code="2110101", role=Role.BLIND_SENDER, label="길보람 · 가림 발송",
        quotas=Quotas(messages_per_day=BLIND_MESSAGES_A_DAY),
    ),
    Operator(
        email="privacy@demo.example", unit_code=party.CENTRE_CODE, role=Role.PRIVACY_OFFICER, label="위나래 · 개인정보 책임자",
    ),
)  # fmt: skip


def _operators(centre: Actor, units: dict[str, Unit]) -> None:
    for operator in OPERATORS:
        if operator.unit_code not in units:
            continue
        user = accounts.create_user(operator.email, PASSWORD)
        offer = tree.Offer(
            unit=units[operator.unit_code], role=operator.role, user=user, label=operator.label, quotas=operator.quotas
        )
        tree.lend(centre, offer)
