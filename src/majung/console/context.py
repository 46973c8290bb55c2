"""What every page of the console shows around its content: navigation, place, account, rule pack."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from majung.activity.queries import duties
from majung.policy.rules import RULE_SET_VERSION
from majung.tree.actor import Actor
from majung.tree.enums import Act, Role
from majung.tree.models import Grant
from majung.ui.values import Account, Crumb, NavItem

MENU: tuple[tuple[str, str, str, Act], ...] = (
    ("정원", "console:home", "plant-2", Act.TREE_VIEW),
    ("조직", "tree:tree", "sitemap", Act.TREE_VIEW),
    ("권한", "tree:grants", "key", Act.GRANTS_VIEW),
    ("사람", "people:list", "users", Act.PEOPLE_VIEW),
    ("명단 가져오기", "imports:list", "file-import", Act.PEOPLE_IMPORT),
    ("대상", "audience:segments", "filter", Act.SEGMENTS_WRITE),
    ("메시지", "campaigns:list", "message-circle", Act.CAMPAIGNS_VIEW),
    ("손으로 보내기", "campaigns:tasks", "hand-finger", Act.CAMPAIGNS_VIEW),
    ("채널", "channels:list", "broadcast", Act.CHANNELS_VIEW),
    ("대행사", "channels:dealers", "building-bank", Act.CHANNELS_MANAGE),
    ("고지문", "consent:notices", "file-certificate", Act.CONSENT_MANAGE),
    ("열람 기록", "people:access_log", "eye-check", Act.ACCESS_REVIEW),
)


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Navigation, account and organisation of a signed-in operator; nothing for anybody else."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None or actor.user is None or not actor.grants:
        return {}
    top = min((grant.unit for grant in actor.grants), key=lambda unit: (unit.depth, unit.path))
    email = actor.user.email
    label = next((grant.label for grant in actor.grants if grant.label), "") or email
    name, _, title = label.partition(" · ")
    role = title or Role(actor.grants[0].role).label
    return {
        "actor": actor,
        "nav": list(_menu(actor, request.path)),
        "org_name": actor.grants[0].root.name,
        "org_unit": top.name,
        "org_url": reverse("console:home"),
        "search_url": reverse("console:search"),
        "rule_pack": RULE_SET_VERSION,
        "account": Account(name=name, role=role, initials=name[-2:], links=_links(actor)),
    }


def _menu(actor: Actor, path: str) -> Iterable[NavItem]:
    here = _section(path)
    for label, name, icon, act in MENU:
        if act not in actor.acts:
            continue
        url = reverse(name)
        count = 0
        if name == "console:home":
            count = duties(actor).count()
        yield NavItem(label=label, url=url, icon=icon, active=here == _section(url), count=count)


def _section(path: str) -> str:
    """The first folder of an address: what a line of the menu stands for."""
    return path.strip("/").split("/", 1)[0]


def _links(actor: Actor) -> tuple[Crumb, ...]:
    held = Grant.objects.filter(user=actor.user, revoked_at=None).exclude(root_id=actor.root_id)
    links = [("다른 단체로", "tree:organisations")] if held.exists() else []
    links += [
        ("두 번째 확인", "mfa_index"),
        ("비밀번호 바꾸기", "account_change_password"),
        ("나가기", "account_logout"),
    ]
    return tuple(Crumb(label=label, url=reverse(name)) for label, name in links)
