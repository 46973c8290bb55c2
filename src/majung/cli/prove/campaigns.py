"""The campaigns that runs send, each written, checked, confirmed and frozen by the services behind the console.

By basket: the demo's own. With a text instead: the same, and texts to whom the messenger does not reach. At once: through
a dealer whose every request sends, as AlimTalk, where its "no" is certain, and as brand message, where it proves nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

from majung.cli.prove.plan import Way

KEY, SECRET = "MAJUNG-PROOF-KEY", "majung-proof-secret-0123456789"
TEMPLATE, CONTENT = "PROOF-1", "#{이름}님, 당원 모임은 11월 28일 토요일 오후 2시입니다."
TEXT_FOR_ALL = "#{조직}에서 알립니다. 당원 모임은 11월 28일 토요일 오후 2시입니다."
TEXT_INSTEAD = "당원 모임은 11월 28일 토요일 오후 2시입니다."


def frozen(way: Way) -> None:
    """A campaign of that way stands, its list frozen, and may leave at once."""
    from majung.campaigns import services as campaigns
    from majung.campaigns.services import freezing
    from majung.demo import run as demo

    actor, campaign = demo.written(say=_quietly)
    if change := _CHANGES.get(way):
        change(actor, campaign)
        campaign.refresh_from_db()
        found = campaigns.check(actor, campaign)
        if not found.may_send:
            raise RuntimeError(f"{way}: {[problem.sentence for problem in found.problems]}")
    campaigns.confirm(actor, campaign)
    if not freezing.freeze(campaign.pk):
        campaign.refresh_from_db()
        raise RuntimeError(f"{way}: the list was not frozen: {campaign.problem}")


def _instead(actor: Any, campaign: Any) -> None:
    from majung.campaigns import services as campaigns
    from majung.campaigns.fallback import offered

    reasons = [reason.name for reason in offered(campaign.kind, campaign.purpose)]
    campaigns.edit_fallback(actor, campaign, campaigns.Texting(text=TEXT_INSTEAD, reasons=reasons))


def _at_once(kind: str) -> Callable[[Any, Any], None]:
    def change(actor: Any, campaign: Any) -> None:
        from majung.campaigns import services as campaigns
        from majung.campaigns.services import Wording
        from majung.channels.models import Template

        account = _direct_account(campaign.unit)
        words: dict[str, Any] = {"title": campaign.title, "purpose": campaign.purpose, "kind": kind}
        if kind == "alim":
            template = Template.objects.get(account=account)
            words |= {"template": str(template.pk), "fallbacks": {"이름": "당원"}}
        else:
            words |= {"text": TEXT_FOR_ALL}
        campaigns.edit_words(actor, campaign, Wording(account=str(account.public_id), **words))

    return change


def _direct_account(unit: Any) -> Any:
    """An account at a dealer that sends at once, known to the sandbox and checked."""
    from django.conf import settings

    from majung.accounts.models import User
    from majung.channels import services as channels
    from majung.channels.enums import JobKind, JobState, Mode
    from majung.channels.models import Channel
    from majung.channels.services import jobs
    from majung.core import clock
    from majung.demo import tree as party
    from majung.demo import world
    from majung.demo.gateway import Gateway
    from majung.tree.actor import actor_of_user

    gateway, owner = Gateway(settings.SANDBOX_URL), actor_of_user(User.objects.get(email=party.OWNER))
    if owner is None:
        raise RuntimeError("the owner holds nothing")
    made = list(Channel.objects.filter(root_id=unit.root_id).select_related("unit").order_by("pk"))
    central = next(channel for channel in made if channel.unit_id == unit.pk)
    facts = {"apiKey": KEY, "apiSecret": SECRET, "balance": world.BALANCE_WON, "senders": [world.SENDER]}
    gateway.post("accounts", facts)
    template = {
        "account": KEY,
        "templateId": TEMPLATE,
        "channelId": _profile(central),
        "name": "모임",
        "content": CONTENT,
    }
    gateway.post("templates", [template])
    account = channels.add_account(
        owner, unit, name="바로 보내는 대행사", adapter="nhn", mode=Mode.SANDBOX, key=KEY, secret=SECRET,
        refusal_number=world.REFUSALS,
    )  # fmt: skip
    rows = "".join(f"{channel.search_id},{_profile(channel)}\n" for channel in made)
    channels.import_profiles(owner, account, f"검색용 아이디,발신 프로필 ID\n{rows}".encode("cp949"))
    for kind, centiwon in world.PRICES.items():
        channels.set_price(owner, account, kind, centiwon, clock.today())
    for asked in (JobKind.CHECK, JobKind.TEMPLATES):
        job = channels.ask(owner, account, asked)
        jobs.run(job.pk)
        job.refresh_from_db()
        if job.state != JobState.DONE:
            raise RuntimeError(f"{job.get_kind_display()}: {job.result}")
    account.refresh_from_db()
    return account


def _profile(channel: Any) -> str:
    """What the sandbox calls a channel of the demo's party."""
    return f"PF-{channel.unit.code}"


def _quietly(_: str) -> None:
    """Nobody is told."""


_CHANGES: dict[Way, Callable[[Any, Any], None]] = {
    Way.INSTEAD: _instead,
    Way.ALIM: _at_once("alim"),
    Way.BRAND: _at_once("brand"),
}
WAYS: Sequence[Way] = tuple(Way)
