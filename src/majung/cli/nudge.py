"""``majung nudge``: what is stuck is made due again, as by the button on a campaign's page; nothing is sent twice by it."""

import argparse

from majung.cli import books, database, installation
from majung.cli.database import Connection
from majung.core.errors import Invalid


def run(arguments: argparse.Namespace) -> int:
    """Nudge one campaign, or whatever is stuck, or the inbox; then say what is still stuck. Exit status 1 when something is."""
    if sum((bool(arguments.campaign), arguments.all, arguments.inbox)) != 1:
        raise Invalid(problem="메시지의 번호나 공개 id, 또는 --all, 또는 --inbox 가운데 하나를 적어 주세요.")
    asked = books.asked(arguments.campaign) if arguments.campaign else 0
    with installation.awake(installation.found()):
        import django

        from majung import settings

        django.setup()
        with database.connect(settings.database_url()) as connection:
            if arguments.inbox:
                return _nudge_inbox(connection)
            return nudge_all(connection, [books.number_of(connection, asked)] if asked else None)


def nudge_all(connection: Connection, campaigns: list[int] | None = None) -> int:
    """Nudge these, or (None) whatever a nudge can help; say what came of it and what is still stuck."""
    from majung.campaigns.models import Campaign
    from majung.campaigns.services import nudging
    from majung.delivery import stuck
    from majung.tree.actor import system_actor

    if campaigns is None:
        found = stuck.look(connection)
        campaigns = sorted({one.campaign_id for one in found if one.campaign_id and one.can_be_nudged})
    for number in campaigns:
        campaign = Campaign.objects.get(pk=number)
        print(f"{number}번: {nudging.nudge(system_actor(campaign.root_id), campaign)}")
    left = [one for number in campaigns for one in stuck.look(connection, number)]
    for one in left:
        print(f"  {one.words.name}: {one.words.means}\n    → {one.words.todo}")
    if not campaigns:
        print("다시 해 볼 메시지가 없습니다.")
    return int(bool(left))


def _nudge_inbox(connection: Connection) -> int:
    """What was set aside is folded once more: a row that failed was rolled back as a whole, so none of it counts yet."""
    from majung.channels import inbox

    print(f"따로 둔 보고 {inbox.try_again(connection):,}개를 다시 옮깁니다.")
    return 0
