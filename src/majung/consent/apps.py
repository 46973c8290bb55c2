"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Consent."""

    name = "majung.consent"
    label = "consent"

    def ready(self) -> None:
        """Imports and the person's page know the room."""
        from majung.consent import imports, person  # reason: app ready
        from majung.people.imports import basis  # reason: app ready

        basis.listen(applied=imports.applied, undone=imports.undone, grounds=imports.grounds)
        person.join()
