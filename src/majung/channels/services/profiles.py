"""Profile ids of channels at a dealer, from a list: each row names a channel and its ``pfId`` (M10)."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from majung.activity import services as activity
from majung.channels.models import Channel, DealerAccount, DealerProfile
from majung.core.errors import Invalid
from majung.core.text import fold
from majung.people.imports import reader
from majung.tree.actor import Actor
from majung.tree.enums import Act

LARGEST_FILE = 5 * 2**20
MOST_ROWS = 20_000
LONGEST_PF_ID = 80

_CHANNEL_WORDS = {
    "채널",
    "검색용아이디",
    "검색아이디",
    "프로필id",
    "프로필아이디",
    "searchid",
    "profileid",
    "channel",
    "채널id",
}
_PF_WORDS = {"pfid", "발신프로필", "발신프로필id", "발신프로필키", "senderkey", "대행사id", "channelid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A row that was not taken, and why."""

    row: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a list."""

    stored: int
    unchanged: int
    problems: list[Problem]


@transaction.atomic
def import_profiles(actor: Actor, account: DealerAccount, body: bytes) -> Imported:
    """Each good row's profile id is known; bad rows are told and change nothing. Raises Unreadable or Invalid."""
    actor.require(Act.CHANNELS_MANAGE, account.unit)
    if len(body) > LARGEST_FILE:
        raise Invalid(problem="5MB까지의 파일만 읽습니다.")
    sheet = reader.inspect(body)
    at_channel, at_pf = _columns(sheet)
    pairs: list[tuple[int, str, str]] = []
    problems = [
        Problem(row=row, sentence="수식이 든 줄입니다. 값으로 바꾸어 주세요.") for row in sorted(sheet.formula_rows)
    ]
    for number, cells in _rows(body, sheet):
        if number in sheet.formula_rows:
            continue
        name, pf_id = (cells[at].strip() if at < len(cells) else "" for at in (at_channel, at_pf))
        pairs.append((number, name, pf_id))
    return _store(actor, account, pairs, problems)


def _rows(body: bytes, sheet: reader.Sheet) -> Iterator[tuple[int, list[str]]]:
    for count, row in enumerate(reader.rows(body, sheet)):
        if count >= MOST_ROWS:
            raise Invalid(problem=f"{MOST_ROWS:,}줄까지 읽습니다. 나누어 올려 주세요.")
        yield row


def _columns(sheet: reader.Sheet) -> tuple[int, int]:
    names = [fold(cell).replace("_", "") for cell in sheet.header]
    channel = next((at for at, name in enumerate(names) if name in _CHANNEL_WORDS), None)
    pf = next((at for at, name in enumerate(names) if name in _PF_WORDS), None)
    if channel is None or pf is None:
        raise Invalid(problem="첫 줄에 ‘검색용 아이디’와 ‘발신 프로필 ID’라는 열 이름이 있어야 합니다.")
    return channel, pf


def _store(
    actor: Actor, account: DealerAccount, pairs: list[tuple[int, str, str]], problems: list[Problem]
) -> Imported:
    units = set(actor.units(Act.CHANNELS_MANAGE).values_list("pk", flat=True))
    channels: dict[str, Channel] = {}
    for channel in Channel.objects.filter(root_id=account.root_id, unit_id__in=units):
        channels.update({name: channel for name in (channel.search_id, channel.profile_id) if name})
    before = dict(DealerProfile.objects.filter(account=account).values_list("channel_id", "pf_id"))
    holders = {pf_id: channel_id for channel_id, pf_id in before.items()}
    wanted: dict[int, str] = {}
    unchanged = 0
    for number, name, pf_id in pairs:
        found = channels.get(name)
        sentence = _refused(found, pf_id, holders, wanted)
        if sentence or found is None:
            problems.append(Problem(row=number, sentence=sentence))
        elif before.get(found.pk) == pf_id:
            unchanged += 1
        else:
            wanted[found.pk], holders[pf_id] = pf_id, found.pk
    DealerProfile.objects.filter(account=account, channel_id__in=wanted).delete()
    DealerProfile.objects.bulk_create(
        DealerProfile(account=account, channel_id=channel_id, pf_id=pf_id) for channel_id, pf_id in wanted.items()
    )
    if wanted:
        activity.write(
            actor, "channels.profiles_stored", unit_id=account.unit_id, object_kind="dealer_account", object_id=account.pk,
            facts={"n": len(wanted)},
        )  # fmt: skip
    return Imported(stored=len(wanted), unchanged=unchanged, problems=sorted(problems, key=lambda p: p.row))


def _refused(found: Channel | None, pf_id: str, holders: dict[str, int], wanted: dict[int, str]) -> str:
    if found is None:
        return "이 검색용 아이디나 프로필 ID의 채널을 찾을 수 없습니다."
    if not 0 < len(pf_id) <= LONGEST_PF_ID or not pf_id.isascii() or not pf_id.isprintable() or " " in pf_id:
        return "발신 프로필 ID의 꼴이 아닙니다."
    if holders.get(pf_id, found.pk) != found.pk:
        return "같은 발신 프로필 ID가 다른 채널에 있습니다."
    if wanted.get(found.pk, pf_id) != pf_id:
        return "같은 채널이 두 번 나옵니다."
    return ""


def store_pairs(actor: Actor, account: DealerAccount, pairs: list[tuple[str, str]]) -> Imported:
    """As ``import_profiles``, for (search id, profile id) as the dealer itself told them."""
    return _store(actor, account, [(at, name, pf_id) for at, (name, pf_id) in enumerate(pairs, 1)], [])
