"""Jobs of the tree: by number only."""

from majung.core import jobs
from majung.tree.sheets.apply import run


@jobs.task("tree.apply_sheet")
def apply_sheet(draft_id: int) -> None:
    """Apply a compared file, all of it or nothing."""
    run(draft_id)
