"""Jobs of the room."""

from majung.core import db, jobs


@jobs.task("delivery.make_room")
def make_room(upto: int) -> int:
    """Partitions of the chunk ledger exist for campaigns up to ``upto``. Returns how many were made."""
    [(made,)] = db.raw().execute("SELECT campaign_chunk_ahead(%s)", [upto]).fetchall()
    return int(made)
