"""Pure decisions of the tree: what covers what, what is wider than what was held, how much of a limit is left."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

STEP = 4  # treebeard writes four characters a level
MAX_DEPTH = 255 // STEP


class Width(StrEnum):
    """Why an offer is more than what is held; the trigger in the database uses the same words."""

    OTHER_ORGANISATION = "other_organisation"
    NO_ACTS = "no_acts"
    OWNER_EXISTS = "owner_exists"
    REVOKED = "revoked"
    MAY_NOT_LEND = "may_not_lend"
    MORE_ACTS = "more_acts"
    WIDER_PLACE = "wider_place"
    LONGER = "longer"
    MORE_QUOTA = "more_quota"


SENTENCES: dict[Width, str] = {
    Width.OTHER_ORGANISATION: "다른 단체의 조직에는 빌려줄 수 없습니다.",
    Width.NO_ACTS: "빌려줄 일을 하나 이상 골라 주세요.",
    Width.OWNER_EXISTS: "이 단체에는 이미 소유자가 있습니다. 새 소유자는 지금 소유자가 빌려줍니다.",
    Width.REVOKED: "내 권한이 거두어져 빌려줄 수 없습니다.",
    Width.MAY_NOT_LEND: "다시 빌려줄 수 있는 권한이 아닙니다.",
    Width.MORE_ACTS: "내가 빌리지 않은 일은 빌려줄 수 없습니다.",
    Width.WIDER_PLACE: "내가 맡은 조직보다 넓게 빌려줄 수 없습니다.",
    Width.LONGER: "내 권한보다 먼저 시작하거나 늦게 끝나게 빌려줄 수 없습니다.",
    Width.MORE_QUOTA: "내 한도보다 많이 빌려줄 수 없습니다.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Limits of a grant; None is no limit."""

    messages_per_day: int | None = None
    messages_total: int | None = None
    centiwon_per_day: int | None = None
    centiwon_total: int | None = None

    def within(self, held: "Quotas") -> bool:
        """Whether no limit here is looser than its fellow in ``held``."""
        return all(
            limit is None or (mine is not None and mine <= limit)
            for mine, limit in (
                (self.messages_per_day, held.messages_per_day),
                (self.messages_total, held.messages_total),
                (self.centiwon_per_day, held.centiwon_per_day),
                (self.centiwon_total, held.centiwon_total),
            )
        )


NO_LIMITS = Quotas()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a grant lends, as plain values. ``path`` is the materialised path of its unit."""

    root_id: int
    path: str
    covers_subtree: bool
    acts: frozenset[str]
    starts_at: datetime
    ends_at: datetime | None
    quotas: Quotas = NO_LIMITS
    is_revoked: bool = False


def is_below(path: str, above: str) -> bool:
    """Whether ``path`` is ``above`` itself or lies in its subtree."""
    return path.startswith(above)


def reaches(terms: Terms, root_id: int, path: str) -> bool:
    """Whether the place is covered."""
    if terms.root_id != root_id:
        return False
    return is_below(path, terms.path) if terms.covers_subtree else path == terms.path


def allows(terms: Terms, *, act: str, root_id: int, path: str, at: datetime) -> bool:
    """Whether the terms alone (not their chain) allow ``act`` at the place at the instant; the end is exclusive."""
    return (
        not terms.is_revoked
        and act in terms.acts
        and reaches(terms, root_id, path)
        and terms.starts_at <= at
        and (terms.ends_at is None or at < terms.ends_at)
    )


def wider(offer: Terms, held: Terms, *, lend_act: str = "grants.lend") -> Width | None:
    """The first way in which ``offer`` exceeds ``held``, in the order of the database's trigger; None when it fits."""
    if offer.root_id != held.root_id:
        return Width.OTHER_ORGANISATION
    if not offer.acts:
        return Width.NO_ACTS
    if held.is_revoked:
        return Width.REVOKED
    if lend_act not in held.acts:
        return Width.MAY_NOT_LEND
    if not offer.acts <= held.acts:
        return Width.MORE_ACTS
    if not reaches(held, offer.root_id, offer.path) or (offer.covers_subtree and not held.covers_subtree):
        return Width.WIDER_PLACE
    if offer.starts_at < held.starts_at or (
        held.ends_at is not None and (offer.ends_at is None or offer.ends_at > held.ends_at)
    ):
        return Width.LONGER
    return None if offer.quotas.within(held.quotas) else Width.MORE_QUOTA


def would_cycle(path: str, new_parent: str) -> bool:
    """Whether a unit at ``path`` would hang below itself."""
    return is_below(new_parent, path)


def ancestors(path: str) -> list[str]:
    """The paths from the unit itself up to the top."""
    return [path[:length] for length in range(len(path), 0, -STEP)]


def distance(one: str, other: str) -> int:
    """Steps through the tree from one unit to another of the same organisation."""
    shared = 0
    for position in range(0, min(len(one), len(other)), STEP):
        if one[position : position + STEP] != other[position : position + STEP]:
            break
        shared += 1
    return len(one) // STEP + len(other) // STEP - 2 * shared


def left(limit: int | None, used: Iterable[int]) -> int | None:
    """What remains of ``limit`` (never below zero); None when there is no limit."""
    return None if limit is None else max(0, limit - sum(used))
