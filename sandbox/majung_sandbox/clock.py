"""The sandbox's clock: the machine's time plus a settable number of seconds, shown in Seoul."""

import os
import time
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

SEOUL = timezone(timedelta(hours=9), "KST")


class Clock:
    """Simulated time for signatures, night and reviews; real time for counting and for delays."""

    def __init__(self, offset_seconds: float = 0.0) -> None:
        self.offset_seconds = offset_seconds
        self._anchor = time.time() - time.monotonic()

    @classmethod
    def from_environment(cls) -> "Clock":
        """Read MAJUNG_CLOCK, a signed number of seconds; absent or empty means none."""
        text = os.environ.get("MAJUNG_CLOCK", "").strip()
        try:
            return cls(float(text or 0))
        except ValueError:
            raise SystemExit(f"MAJUNG_CLOCK must be a number of seconds, not {text!r}") from None

    def machine_seconds(self) -> float:
        """Unix seconds that never run backwards while the process lives: used to count arrivals."""
        return self._anchor + time.monotonic()

    def now(self) -> datetime:
        """The simulated instant, in UTC."""
        return datetime.fromtimestamp(time.time() + self.offset_seconds, UTC)

    def seoul(self) -> datetime:
        """The simulated instant as a Seoul wall clock."""
        return self.now().astimezone(SEOUL)

    def is_night(self) -> bool:
        """Whether Kakao refuses advertising now: from 20:50 until 08:00 in Seoul (kakao.md §3.3)."""
        at = self.seoul()
        minutes = at.hour * 60 + at.minute
        return minutes >= 20 * 60 + 50 or minutes < 8 * 60


@lru_cache(maxsize=256)
def iso(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as the gateway prints instants."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def parse_iso(text: str) -> datetime | None:
    """The instant an ISO 8601 text means (no zone = UTC), or None."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
