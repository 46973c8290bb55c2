"""Who would get what: the outcome of a message by the last two digits of its number, channels and overrides.

The table is documented in sandbox/README.md and on the page; the overrides (phones page, control API) win over it.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from majung_sandbox import codes

# First ending, last ending, what holds for it.
RULES: Final = (
    (0, 69, "모든 채널의 친구"),
    (70, 79, "어느 채널의 친구도 아님 (3102)"),
    (80, 92, "넓은(wide) 채널만 친구, 가까운(near) 채널은 아님 (3102)"),
    (93, 95, "카카오톡을 쓰지 않음 (3104), 문자는 받음"),
    (96, 97, "알림톡·브랜드 메시지를 막아 둠 (3107)"),
    (98, 98, "080으로 수신거부함 (광고는 접수 때 1061)"),
    (99, 99, "모든 채널의 친구, 도착이 열 배 늦음"),
)
REACHES: Final = ("wide", "near")
TALK_STATES: Final = ("normal", "none", "blocks")


@dataclass(slots=True, frozen=True)
class Channel:
    """A KakaoTalk channel: `pf_id` is its id at the gateway, `profile_id` the public one (`_abcd`)."""

    pf_id: str
    profile_id: str
    search_id: str
    name: str
    reach: str


@dataclass(slots=True)
class World:
    """Channels and what was changed by hand. All sizes here are small; messages are judged in arrays."""

    channels: dict[str, Channel] = field(default_factory=dict)
    friends: dict[tuple[str, str], bool] = field(default_factory=dict)  # (number, pf_id) → friend or not
    talk: dict[str, str] = field(default_factory=dict)  # number → one of TALK_STATES
    opted_out: dict[str, bool] = field(default_factory=dict)  # number → whatever its ending says

    def is_friend(self, number: str, pf_id: str) -> bool:
        """Whether the number is a friend of the channel now."""
        by_hand = self.friends.get((number, pf_id))
        if by_hand is not None:
            return by_hand
        if self.talk_of(number) == "none":
            return False
        ending = int(number[-2:])
        channel = self.channels.get(pf_id)
        return not (70 <= ending <= 79 or (80 <= ending <= 92 and (channel is None or channel.reach == "near")))

    def talk_of(self, number: str) -> str:
        """`normal`, `none` (not on KakaoTalk) or `blocks` (blocks AlimTalk and brand messages)."""
        by_hand = self.talk.get(number)
        if by_hand is not None:
            return by_hand
        ending = int(number[-2:])
        return "none" if 93 <= ending <= 95 else "blocks" if 96 <= ending <= 97 else "normal"

    def has_opted_out(self, number: str) -> bool:
        """Whether the number refused advertising by a 080 call long ago; see also the account's own list."""
        return self.opted_out.get(number, number[-2:] == "98")

    def outcome(self, number: str, pf_id: str, kind: int, night: bool) -> int:
        """The code one accepted message ends with."""
        brand = codes.is_brand(kind)
        if not brand and kind != codes.ATA:
            return codes.DELIVERED
        if pf_id not in self.channels:
            return codes.BAD_PROFILE
        if brand and night:
            return codes.OUT_OF_HOURS
        talk = self.talk_of(number)
        if talk != "normal":
            return codes.NO_TALK if talk == "none" else codes.BLOCKS_TALK
        return codes.DELIVERED if not brand or self.is_friend(number, pf_id) else codes.NOT_A_FRIEND

    def outcomes(
        self, numbers: NDArray[np.int64], channels: list[str], channel_of: NDArray[np.int32],
        kinds: NDArray[np.uint8], night: bool,
    ) -> NDArray[np.uint16]:  # fmt: skip
        """`outcome` for a whole batch; numbers carry a leading 1, channels are indexes into `channels` (-1: none)."""
        ending = numbers % 100
        brand = (kinds >= codes.BMS_FREE) & (kinds <= codes.BMS_LAST)
        talk = brand | (kinds == codes.ATA)
        known = np.array([pf in self.channels for pf in channels] + [False])[channel_of]
        near = np.array([pf in self.channels and self.channels[pf].reach == "near" for pf in channels] + [True])[
            channel_of
        ]
        result = np.full(len(numbers), codes.DELIVERED, np.uint16)
        result[brand & ((ending >= 70) & (ending <= 79) | (ending >= 80) & (ending <= 92) & near)] = codes.NOT_A_FRIEND
        result[talk & (ending >= 96) & (ending <= 97)] = codes.BLOCKS_TALK
        result[talk & (ending >= 93) & (ending <= 95)] = codes.NO_TALK
        if night:
            result[brand] = codes.OUT_OF_HOURS
        result[talk & ~known] = codes.BAD_PROFILE
        for i in self._overridden(numbers):
            pf_id = channels[channel_of[i]] if channel_of[i] >= 0 else ""
            result[i] = self.outcome(str(numbers[i])[1:], pf_id, int(kinds[i]), night)
        return result

    def _overridden(self, numbers: NDArray[np.int64]) -> list[int]:
        touched = {number for number, _ in self.friends} | self.talk.keys()
        if not touched:
            return []
        found: list[int] = np.nonzero(np.isin(numbers, [int("1" + number) for number in touched]))[0].tolist()
        return found

    def dump(self) -> dict[str, Any]:
        """Channels and overrides as plain values."""
        return {
            "channels": [[c.pf_id, c.profile_id, c.search_id, c.name, c.reach] for c in self.channels.values()],
            "friends": [[number, pf, is_friend] for (number, pf), is_friend in self.friends.items()],
            "talk": self.talk, "opted_out": self.opted_out,
        }  # fmt: skip

    def load(self, saved: dict[str, Any]) -> None:
        """Take over what `dump` wrote."""
        self.channels = {row[0]: Channel(*row) for row in saved["channels"]}
        self.friends = {(number, pf): is_friend for number, pf, is_friend in saved["friends"]}
        self.talk, self.opted_out = saved["talk"], saved["opted_out"]
