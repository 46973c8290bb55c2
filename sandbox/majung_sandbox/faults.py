"""Faults on demand: delays, lost answers, hidden records, server errors, no balance, results that never come."""

import random
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from majung_sandbox.errors import invalid


@dataclass(slots=True)
class Settings:
    """Every fault with its resting value. Endpoint names are listed in the README; `*` means every gateway call."""

    delay_before_ms: dict[str, float] = field(default_factory=dict)  # endpoint → wait before the request is processed
    delay_after_ms: dict[str, float] = field(default_factory=dict)  # endpoint → wait between processing and answer
    late_next: int = 0  # so many answers come late_ms after processing
    late_ms: int = 0
    late_endpoints: list[str] = field(default_factory=list)  # empty: WRITES
    drop_next: int = 0  # so many answers are lost after processing
    drop_probability: float = 0.0
    drop_endpoints: list[str] = field(default_factory=list)  # empty: WRITES
    error_next: int = 0  # so many requests answer error_status and are not processed
    error_status: int = 503
    error_endpoints: list[str] = field(default_factory=list)  # empty: all
    hide_groups: list[str] = field(default_factory=list)  # the gateway denies these groups
    hide_next: int = 0  # so many groups are denied from their sending on
    no_balance: bool = False
    refuse_all: bool = False  # HTTP 200, yet each message fails registration with 1024
    never_probability: float = 0.0  # a result stays at 3000 for ever
    duplicate_webhooks: bool = False  # reports come twice
    kakao_lost_probability: float = 0.0  # added/blocked webhook is not sent
    kakao_twice: bool = False
    kakao_open_id: bool = False
    seed: int | None = None  # for the probabilities


WRITES = ("groups.put", "groups.send", "send_many", "send_one", "nhn.send", "aligo.send", "popbill.send")
_NUMBERS = {
    "drop_probability": (0, 1), "never_probability": (0, 1), "kakao_lost_probability": (0, 1), "drop_next": (0, 10**9),
    "error_next": (0, 10**9), "hide_next": (0, 10**9), "error_status": (400, 599),
    "late_next": (0, 10**9), "late_ms": (0, 600_000), "seed": (0, 2**63),
}  # fmt: skip


class Faults:
    """The faults that are on, and the dice for those with a probability."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.hidden: set[str] = set()
        self.random = random.Random()  # noqa: S311  dice, not secrets

    def change(self, wanted: dict[str, Any]) -> None:
        """Switch faults by name; `{"reset": true}` first puts everything to rest. Refuses names it does not know."""
        base = Settings() if wanted.get("reset") else self.settings
        merged = asdict(base) | {k: v for k, v in wanted.items() if k != "reset"}
        known = {f.name for f in fields(Settings)}
        if unknown := merged.keys() - known:
            raise invalid(f"모르는 고장: {', '.join(sorted(unknown))}")
        for name, value in merged.items():
            _check(name, value, getattr(Settings(), name))
        self.settings = Settings(**merged)
        if wanted.get("reset"):
            self.hidden.clear()
        self.hidden.update(self.settings.hide_groups)
        if wanted.get("seed") is not None:
            self.random = random.Random(self.settings.seed)  # noqa: S311

    def switched_on(self) -> int:
        """How many faults differ from rest."""
        rest = Settings()
        passive = {"error_status", "seed", "drop_endpoints", "error_endpoints", "late_ms", "late_endpoints"}
        return sum(
            getattr(self.settings, f.name) != getattr(rest, f.name) for f in fields(Settings) if f.name not in passive
        )

    def wait_seconds(self, table: dict[str, float], endpoint: str) -> float:
        """The delay of an endpoint."""
        return table.get(endpoint, table.get("*", 0.0)) / 1000 if table else 0.0

    def answer_seconds(self, endpoint: str) -> float:
        """How long this answer waits after processing."""
        s = self.settings
        if s.late_next > 0 and endpoint in (s.late_endpoints or WRITES):
            s.late_next -= 1
            return s.late_ms / 1000
        return self.wait_seconds(s.delay_after_ms, endpoint)

    def error_now(self, endpoint: str) -> int | None:
        """The status this request must fail with, if its turn has come."""
        s = self.settings
        if s.error_next <= 0 or (s.error_endpoints and endpoint not in s.error_endpoints):
            return None
        s.error_next -= 1
        return s.error_status

    def drop_now(self, endpoint: str) -> bool:
        """Whether this answer gets lost although the request was processed."""
        s = self.settings
        if (s.drop_next <= 0 and s.drop_probability <= 0) or endpoint not in (s.drop_endpoints or WRITES):
            return False
        if s.drop_next > 0:
            s.drop_next -= 1
            return True
        return self.random.random() < s.drop_probability

    def hide_now(self, group_id: str) -> bool:
        """Whether the group being sent now is to be denied from here on."""
        if self.settings.hide_next > 0:
            self.settings.hide_next -= 1
            self.hidden.add(group_id)
        return group_id in self.hidden


def _check(name: str, value: Any, rest: Any) -> None:
    if name in _NUMBERS:
        low, high = _NUMBERS[name]
        whole = isinstance(rest, int) or name == "seed"
        if name == "seed" and value is None:
            return
        if type(value) not in ((int,) if whole else (int, float)) or not low <= value <= high:
            raise invalid(f"{name}은(는) {low}–{high} 사이의 수여야 합니다.")
    elif isinstance(rest, bool):
        if type(value) is not bool:
            raise invalid(f"{name}은(는) true나 false여야 합니다.")
    elif isinstance(rest, list):
        if type(value) is not list or not all(type(x) is str for x in value):
            raise invalid(f"{name}은(는) 글의 목록이어야 합니다.")
    elif type(value) is not dict or not all(type(v) in (int, float) and 0 <= v <= 600_000 for v in value.values()):
        raise invalid(f"{name}은(는) 이름마다 0–600000 밀리초여야 합니다.")
