"""Jobs of imports: by number only; each goes on where it was cut off."""

from datetime import timedelta

from majung.core import clock, db, jobs
from majung.crowd import bitmaps, compare
from majung.people import pages
from majung.people.imports import services
from majung.people.vault import sealer
from majung.tree.models import Organisation


@jobs.task("people.import_read", retry=3)
def import_read(import_id: int) -> None:
    """Stage and count the file."""
    services.read(import_id)


@jobs.task("people.import_apply", retry=3)
def import_apply(import_id: int) -> None:
    """Make the rows people."""
    services.apply(import_id)


@jobs.task("people.import_undo", retry=3)
def import_undo(import_id: int) -> None:
    """Take an import back."""
    services.take_back(import_id)


# Long enough to mend the rows that could not be read; nothing asks for a longer copy of what became nobody.
KEPT = timedelta(days=30)


@jobs.daily("people.imports_expire")
def expire_imports(timestamp: int) -> None:
    """Throw away lists nobody applied, and rows nobody mended, after thirty days."""
    services.expire(clock.now() - KEPT)


@jobs.task("people.freshen_pages", retry=3)
def freshen_pages(root_id: int) -> None:
    """Make the sealed pages that a list has outdated, so that nobody who confirms a campaign waits for it."""
    pages.freshen(db.raw(), sealer(), root_id)


@jobs.daily("people.freshen_all_pages")
def freshen_all_pages(timestamp: int) -> None:
    """Make the sealed pages that the day has outdated."""
    for root_id in Organisation.objects.order_by("pk").values_list("pk", flat=True):
        pages.freshen(db.raw(), sealer(), root_id)


@jobs.daily("crowd.compare")
def compare_bitmaps(timestamp: int) -> int:
    """Hold stored bitmaps against their tables, because lists are frozen from them. Returns how many differed."""
    return len(compare.compare(db.raw()))


@jobs.daily("crowd.forget")
def forget_changes(timestamp: int) -> None:
    """Drop changes that every stored bitmap has taken in."""
    bitmaps.forget(db.raw())
