"""What a person's page shows of this room: each channel with how it stands, since when and by what it was seen (F1, F6)."""

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from majung.channels import queries
from majung.channels.friends import HOW_WORDS, FriendState, How
from majung.channels.models import Friendship
from majung.people import timeline
from majung.people.models import Person
from majung.tree.enums import Act
from majung.tree.middleware import ActorRequest

_WORDS = {
    FriendState.ADDED: ("친구", "ok"), FriendState.BLOCKED: ("차단", "danger"), FriendState.NOT_A_FRIEND: ("친구 아님", ""),
}  # fmt: skip
MOST = 20


def panel(request: ActorRequest, person: Person) -> SafeString:
    """The person's channels at units in the actor's sight; what was never seen is unknown and not listed."""
    actor = request.actor
    if Act.CHANNELS_VIEW not in actor.acts:
        return SafeString("")
    seen = Friendship.objects.filter(person_id=person.pk, root_id=actor.root_id).order_by("-seen_at")
    channels = queries.channels_of(actor).in_bulk([one.channel_id for one in seen])
    rows = [
        {
            "channel": channels[one.channel_id], "word": _WORDS[FriendState(one.state)], "at": one.seen_at,
            "how": HOW_WORDS[How(one.how)],
        }
        for one in seen
        if one.channel_id in channels
    ]  # fmt: skip
    return SafeString(render_to_string("channels/person.html", {"rows": rows[:MOST]}, request))


def join() -> None:
    """The person's page knows the room."""
    timeline.add_panel("channels", panel, order=30)
    timeline.tell("channels.added", "채널을 추가했습니다", "message-circle-plus", "ok")
    timeline.tell("channels.blocked", "채널을 차단했습니다", "message-circle-off", "danger")
