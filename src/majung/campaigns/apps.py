"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Campaigns: audiences can be asked who received one, and a person's page tells of them."""

    name = "majung.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        """Tell audience and people, which lie below, about campaigns."""
        from majung.audience import references  # reason: app ready
        from majung.campaigns import person, queries  # reason: app ready

        references.FINDERS["campaign"] = queries.FINDER
        references.LISTERS["campaign"] = queries.list_campaigns
        person.join()
