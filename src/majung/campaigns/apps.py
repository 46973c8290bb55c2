"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Campaigns: audiences can be asked who received one."""

    name = "majung.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        """Tell audience, which lies below, how to find campaigns."""
        from majung.audience import references  # reason: app ready
        from majung.campaigns import queries  # reason: app ready

        references.FINDERS["campaign"] = queries.find_campaigns
        references.LISTERS["campaign"] = queries.list_campaigns
