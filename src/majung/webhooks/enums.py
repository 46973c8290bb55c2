"""Words of the room: what can be told, where an endpoint and a delivery stand."""

from django.db.models import TextChoices

from majung.tree.enums import Act


class Event(TextChoices):
    """What an endpoint can be told. The values stand in bodies, for ever."""

    CAMPAIGN_CONFIRMED = "campaign.confirmed", "메시지: 보내기로 함"
    CAMPAIGN_STARTED = "campaign.started", "메시지: 나가기 시작함"
    CAMPAIGN_PAUSED = "campaign.paused", "메시지: 멈춤"
    CAMPAIGN_RESUMED = "campaign.resumed", "메시지: 다시 보냄"
    CAMPAIGN_FINISHED = "campaign.finished", "메시지: 다 보냄"
    CAMPAIGN_STOPPED = "campaign.stopped", "메시지: 그만둠·거둠·보내지 못함"
    PEOPLE_JOINED = "people.joined", "사람: 새로 들어옴"
    PEOPLE_REFUSED = "people.refused", "사람: 수신을 거부함"
    FRIENDS_CHANGED = "friends.changed", "채널: 친구가 늘거나 차단함(수만)"


TRIAL = "webhook.trial"
"""The type of a test body: sent by a press, never chosen."""

SOURCES: dict[str, Event] = {
    "campaigns.confirmed": Event.CAMPAIGN_CONFIRMED,
    "campaigns.started": Event.CAMPAIGN_STARTED,
    "campaigns.paused": Event.CAMPAIGN_PAUSED,
    "campaigns.late": Event.CAMPAIGN_PAUSED,
    "campaigns.resumed": Event.CAMPAIGN_RESUMED,
    "campaigns.finished": Event.CAMPAIGN_FINISHED,
    "campaigns.stopped": Event.CAMPAIGN_STOPPED,
    "campaigns.recalled": Event.CAMPAIGN_STOPPED,
    "campaigns.refused": Event.CAMPAIGN_STOPPED,
    "people.added": Event.PEOPLE_JOINED,
    "consent.refused": Event.PEOPLE_REFUSED,
    "channels.added": Event.FRIENDS_CHANGED,
    "channels.blocked": Event.FRIENDS_CHANGED,
}
"""Which entries of the stream become which event."""

NEEDS: dict[Event, Act] = {
    Event.PEOPLE_JOINED: Act.PEOPLE_VIEW,
    Event.PEOPLE_REFUSED: Act.PEOPLE_VIEW,
    Event.FRIENDS_CHANGED: Act.CHANNELS_VIEW,
}
"""What must have been lent at the unit for the event; campaigns.view for all others. Nobody tells more than they may see."""


def act_for(event: str) -> Act:
    """The act without which ``event`` may not be told."""
    return NEEDS.get(Event(event), Act.CAMPAIGNS_VIEW)


class State(TextChoices):
    """Where an endpoint stands."""

    ACTIVE = "active", "알리는 중"
    HELD = "held", "멈춤"
    REMOVED = "removed", "지움"


class Why(TextChoices):
    """Why an endpoint is held."""

    ASKED = "asked", "사람이 멈췄습니다."
    FAILING = "failing", "사흘 넘게 받지 못해 멈췄습니다."
    GONE = "gone", "받는 쪽이 이제 받지 않겠다고 답했습니다(410)."
    GRANT_ENDED = "grant_ended", "이 알림을 맡긴 권한이 끝났습니다."


class Course(TextChoices):
    """Where one delivery stands."""

    WAITING = "waiting", "기다림"
    DELIVERED = "delivered", "받음"
    GIVEN_UP = "given_up", "받지 못함"
