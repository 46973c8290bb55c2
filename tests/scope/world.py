"""The world of these tests: one of everything at one's own place, a sister's and another root's, under names to search for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.test import Client

from majung.accounts.models import User
from majung.activity.models import Duty
from majung.audience import criteria
from majung.audience import services as audience
from majung.campaigns import exports
from majung.campaigns.models import HandTask
from majung.channels.enums import MessageKind, TemplateState
from majung.channels.models import Picture, Template
from majung.consent import links
from majung.consent import services as consent
from majung.core import clock
from majung.people import services as people
from majung.people import vault
from majung.people.enums import MemberState
from majung.people.imports import services as imports
from majung.tree import services as tree
from majung.tree import sheets
from majung.tree.actor import Actor
from majung.tree.enums import Role
from majung.tree.models import LegalEntity, Unit, UnitKind
from majung.tree.services import Offer
from majung.webhooks import services as webhooks
from majung.webhooks.enums import Event
from tests.make import campaigns as make_campaigns
from tests.make import channels as make_channels
from tests.make import consent as make_consent
from tests.make import people as make_people
from tests.make import tree as make_tree
from tests.make.delivery import Party

NOON = datetime(2027, 3, 3, 3, tzinfo=UTC)
BIRDS = {"own": "참매", "sister": "소쩍새", "other": "두루미"}
LATIN = {"own": "chammae", "sister": "sojjeoksae", "other": "durumi"}
MISSING_ID, MISSING_NUMBER = "00000000-0000-4000-8000-000000000000", 2_000_000_000
LENDABLE = tuple(role for role in Role if role is not Role.OWNER)
# A one-pixel picture would do; nothing here decodes it.
PREVIEW = b"\xff\xd8\xff\xd9"


@dataclass(frozen=True, kw_only=True)
class Things:
    """What stands at one place: ids by what they name in addresses, and strings that betray the place."""

    ids: Mapping[str, Any]
    traces: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class World:
    """Three places, the users of one branch by role with a session, and a key of each."""

    places: Mapping[str, Things]
    users: Mapping[str, User]
    sessions: Mapping[str, str]
    keys: Mapping[str, str]
    sheets: Mapping[str, Any]
    missing: Mapping[str, Any]

    def id_of(self, thing: str, place: str, role: str) -> Any:
        """The id of ``thing`` at ``place``; an uploaded tree is its uploader's own."""
        if place == "missing":
            return self.missing[thing]
        if thing == "sheet":
            mine = role if place == "own" and role in self.sheets else {"own": "operator"}.get(place, place)
            return self.sheets[mine]
        return self.places[place].ids[thing]


@contextmanager
def world() -> Iterator[World]:
    """The world, at a noon, in a transaction that is rolled back."""
    with clock.frozen(NOON), transaction.atomic():
        yield _build()
        transaction.set_rollback(True)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is done inside has not happened afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _build() -> World:
    made, branch, leaf = _organisation("own", "큰집")
    sister_branch, sister_leaf = _branch(made, "sister")
    other, other_branch, other_leaf = _organisation("other", "두루미당")
    users = {"owner": made.owner} | {str(role): _user(make_tree.lent(made, branch, role=role)) for role in LENDABLE}
    User.objects.filter(pk__in=[user.pk for user in users.values()]).update(password=make_password(make_tree.PASSWORD))
    users = {role: User.objects.get(pk=user.pk) for role, user in users.items()}
    last_day = clock.now() + timedelta(days=30)
    keys = {
        str(role): tree.make_key(made.actor, Offer(unit=branch, role=role), f"열쇠 {role}", last_day)[1]
        for role in LENDABLE
    }
    keys["owner"] = tree.make_key(made.actor, Offer(unit=made.top, role=Role.OPERATOR), "윗열쇠", last_day)[1]
    actors = {role: make_tree.actor(users[role], made.root) for role in ("owner", "operator")}
    drafts = {role: sheets.draft(actor, [], "조직.csv").public_id for role, actor in actors.items()}
    sister_operator = make_tree.lent(made, sister_branch)
    drafts |= {
        "sister": sheets.draft(sister_operator, [], "조직.csv").public_id,
        "other": sheets.draft(other.actor, [], "조직.csv").public_id,
    }
    return World(
        places={
            "own": _things("own", made, branch, leaf, 1),
            "sister": _things("sister", made, sister_branch, sister_leaf, 2),
            "other": _things("other", other, other_branch, other_leaf, 3),
        },
        users=users,
        sessions={role: _session(user) for role, user in users.items()},
        keys=keys,
        sheets=drafts,
        missing={
            **dict.fromkeys(("unit", "import", "notice", "app", "channel", "account", "picture", "segment", "deleted segment",
                             "draft", "campaign", "export", "task", "grant", "sheet", "endpoint", "delivery"), MISSING_ID),
            "person": MISSING_NUMBER, "duty": MISSING_NUMBER,
            "link": "A" * links.LENGTH,
            "invitation": "A" * 43,
        },
    )  # fmt: skip


def _session(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _user(actor: Actor) -> User:
    assert actor.user is not None
    return actor.user


def _organisation(place: str, name: str) -> tuple[make_tree.Organised, Unit, Unit]:
    owner = make_tree.user(email=f"owner-{LATIN[place]}@example.com")
    made = make_tree.organisation(name=name, owner=owner)
    for rank, word in enumerate(("시도당", "지역구"), start=1):
        UnitKind.objects.create(root=made.root, name=word, rank=rank)
    branch, leaf = _branch(made, place)
    return made, branch, leaf


def _shared(place: str) -> str:
    """A name for what belongs to a whole organisation (its tags, its legal entities): no secret between sisters."""
    return BIRDS[place] if place == "other" else f"모두의 {place}"


def _branch(made: make_tree.Organised, place: str) -> tuple[Unit, Unit]:
    """A branch with one unit below it, of a legal entity of its own."""
    bird = BIRDS[place]
    entity = LegalEntity.objects.create(root=made.root, name=f"{_shared(place)} 법인", phone="02-700-0000")
    kinds = list(UnitKind.objects.filter(root=made.root).order_by("rank"))
    above = made.top
    found = []
    for kind in kinds[1:]:
        above = make_tree.unit(
            above, root=made.root, kind=kind, entity=entity, name=f"{bird}{kind.name}", leader=f"{bird}대표",
            code=f"{LATIN[place].upper()}{kind.rank}", phone="02-700-0001",
        )  # fmt: skip
        found.append(Unit.objects.select_related("kind", "entity", "root").get(pk=above.pk))
    return found[0], found[1]


def _things(place: str, made: make_tree.Organised, branch: Unit, leaf: Unit, number: int) -> Things:
    actor, bird, latin = made.actor, BIRDS[place], LATIN[place]
    tag = people.make_tag(actor, f"{_shared(place)} 꼬리표")
    person = make_people.person(
        unit=leaf, name=f"{bird[0]}새{bird[-1]}", mobile=f"0107777{number:04}", birth_ym=198001, tags=(tag.pk,),
        member=MemberState.MEMBER, member_since=date(2024, 1, 1),
    )  # fmt: skip
    source = imports.upload(
        actor, leaf, f"{bird}명단.csv", [f"성명,휴대폰 번호\r\n{bird}벗,010-6666-000{number}\r\n".encode()]
    )
    stands = make_consent.notice(actor, leaf, make_consent.ConsentPurpose.SERVICE, title=f"{bird} 공개 고지문")
    notice = consent.write_notice(actor, leaf, f"{latin}-draft", make_consent.words(title=f"{bird} 고지문"))
    app = make_channels.kakao_app(unit=leaf, name=f"{bird} 앱")
    channel = make_channels.channel(unit=leaf, number=number, app=app, name=f"{bird} 채널")
    account = make_channels.account(unit=leaf, name=f"{bird} 계정")
    profile = make_channels.profile(account=account, channel=channel)
    make_channels.friends_of(channel=channel, people=[person])
    Template.objects.create(
        account=account, channel=channel, dealer_id=f"T{number}", name=f"{bird} 템플릿", content="안내",
        state=TemplateState.APPROVED,
    )  # fmt: skip
    picture = Picture.objects.create(
        account=account, kind=MessageKind.BRAND, name=f"{bird}.jpg", width=800, height=400, digest=bytes([number]) * 32,
        preview=PREVIEW,
    )  # fmt: skip
    segment = audience.save_segment(actor, leaf, name=f"{bird} 대상", group=criteria.EVERYONE)
    gone = audience.save_segment(actor, leaf, name=f"{bird} 지운 대상", group=criteria.EVERYONE)
    audience.delete_segment(actor, gone)
    party = Party(made=made, channels={leaf.pk: channel}, account=account, people=[person])
    make_consent.consent(
        actor, [person], make_consent.notice(actor, leaf, make_consent.ConsentPurpose.SENSITIVE, title=f"{bird} 민감")
    )
    draft = make_campaigns.draft(party, unit=leaf, title=f"{bird} 초안")
    campaign = make_campaigns.confirmed(party, unit=leaf, title=f"{bird} 소식", recall_seconds=600)
    task = HandTask.objects.create(
        root=made.root,
        campaign=campaign,
        unit=leaf,
        channel=channel,
        text=f"{bird} 할 일",
        unit_price_centiwon=0,
        people=1,
    )
    export = exports.make(actor, campaign, table="units", form="csv", why="시험")
    holder = make_tree.user(email=f"holder@{latin}.example.com")
    grant = make_tree.grant(holder, leaf, role=Role.VIEWER, parent=made.owner_grant, label=f"{bird} 손님")
    tree.make_key(actor, Offer(unit=leaf, role=Role.VIEWER), f"{bird} 열쇠", clock.now() + timedelta(days=30))
    _, link = tree.invite(actor, Offer(unit=leaf, role=Role.VIEWER, label=f"{bird} 초대"), valid_days=3)
    endpoint, _ = webhooks.add_endpoint(
        actor, leaf, label=f"{bird} 알림", url=f"https://{latin}.example/hooks", chosen=[Event.CAMPAIGN_FINISHED]
    )
    delivery = webhooks.send_trial(actor, endpoint)
    duty = Duty.objects.create(
        root_id=made.root.pk,
        unit_id=leaf.pk,
        kind="consent.result",
        title=f"{bird} 할 일",
        due_at=clock.now() + timedelta(days=3),
    )
    masked = vault.masked(actor, [person], what="people.view", address="")[person]
    ids = {
        "unit": leaf.public_id, "branch": branch.public_id, "person": person, "duty": duty.pk, "import": source.public_id,
        "notice": notice.public_id, "app": app.public_id, "channel": channel.public_id, "account": account.public_id,
        "picture": picture.public_id, "segment": segment.public_id, "deleted segment": gone.public_id,
        "draft": draft.public_id, "campaign": campaign.public_id, "export": export.public_id, "task": task.public_id,
        "grant": grant.public_id, "link": links.token(made.root.pk, person, campaign.pk),
        "invitation": link.rstrip("/").rsplit("/", 1)[1], "endpoint": endpoint.public_id, "delivery": delivery.public_id,
    }  # fmt: skip
    traces = {
        "bird": bird, "latin": latin, "LATIN": latin.upper(), "masked name": masked.name, "person's page": f"/people/{person}/",
        "profile": profile.pf_id, "published notice": str(stands.public_id),
        **{thing: str(name) for thing, name in ids.items() if thing not in {"person", "duty"}},
    }  # fmt: skip
    return Things(ids=ids, traces=traces)


def tables() -> list[str]:
    """Every table of the database, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        return [row[0] for row in cursor.fetchall()]
