"""Jobs of the room."""

from procrastinate.contrib.django import app

from majung.core import clock, db, jobs
from majung.delivery import reached, week


@jobs.task("delivery.make_room")
def make_room(upto: int) -> int:
    """Partitions of the chunk ledger exist for campaigns up to ``upto``. Returns how many were made."""
    [(made,)] = db.raw().execute("SELECT campaign_chunk_ahead(%s)", [upto]).fetchall()
    return int(made)


@app.periodic(cron="*/5 * * * *")
@jobs.task("delivery.fold_ended")
def fold_ended(timestamp: int) -> int:
    """Campaigns that have ended are folded away, weeks that are over are forgotten. Returns how many were folded."""
    week.forget(db.raw(), clock.today())
    return reached.fold_ended(db.raw())
