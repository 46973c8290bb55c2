"""What is done with a list: upload, map, dry-run, apply, undo, discard; each by an actor at a unit (F2)."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from itertools import compress
from pathlib import PurePath

from django.db import connection, transaction
from django.db.models import F
from psycopg.types.json import Jsonb

from majung.activity import services as activity
from majung.core import arrays, clock, jobs
from majung.core.errors import Conflict, Invalid
from majung.core.garbage import uncollected
from majung.core.text import nfc
from majung.people import services as people
from majung.people.bulk import Added, NewPeople
from majung.people.enums import Basis, MemberState
from majung.people.imports import basis, mapping, reader, staging, store
from majung.people.imports.clean import PROBLEMS, CleanRow, CleanRows
from majung.people.imports.digest import Districts
from majung.people.imports.mapping import Column
from majung.people.imports.models import MOVES, ImportFile, ImportState
from majung.people.models import Tag
from majung.people.scope import reachable
from majung.people.vault import blind, place, sealer
from majung.tree.actor import Actor, actor_of_user, system_actor
from majung.tree.enums import Act
from majung.tree.models import Unit

TOGETHER_FROM = 4
"""Blocks of a list that is applied by two lines of work."""
DISCARDABLE = [state for state, moves in MOVES.items() if ImportState.DISCARDED in moves]


def upload(actor: Actor, unit: Unit, file_name: str, chunks: Iterable[bytes]) -> ImportFile:
    """The list is kept, sealed, and its columns are guessed (or remembered). Raises FileTooLarge or Unreadable."""
    actor.require(Act.PEOPLE_IMPORT, unit)
    name, size = store.keep(sealer(), actor.root_id, chunks)
    try:
        sheet = reader.inspect(store.opener(sealer(), actor.root_id, name))
        header = [nfc(cell)[:200] for cell in sheet.header]
        mark = mapping.fingerprint(header)
        before = ImportFile.objects.filter(root_id=actor.root_id, fingerprint=mark).exclude(columns=[]).first()
        columns = before.columns if before else [str(c) for c in mapping.guess(sheet.header, sheet.sample)]
        with transaction.atomic():
            source = ImportFile.objects.create(
                root_id=actor.root_id, unit=unit, uploaded_by=actor.user, file_name=_file_name(file_name), size_bytes=size,
                stored_as=name, header=header, fingerprint=mark, columns=columns,
            )  # fmt: skip
            activity.write(actor, "people.import_uploaded", unit_id=unit.pk, object_kind="import", object_id=source.pk)
    except BaseException:
        store.remove(name)
        raise
    return source


def _file_name(name: str) -> str:
    """The bare name, without what looks like a telephone number in it (it stands in plain text)."""
    plain = nfc(PurePath(name.replace("\\", "/")).name)
    return "".join("#" if c.isdigit() and sum(x.isdigit() for x in plain) >= 8 else c for c in plain)[:120] or "명단"


def sample(source: ImportFile) -> Sequence[Sequence[str]]:
    """The first rows as they stand in the file, for choosing columns. Shown to who uploaded it, never stored."""
    return reader.inspect(store.opener(sealer(), source.root_id, source.stored_as)).sample[:5]


@transaction.atomic
def begin(
    actor: Actor,
    source: ImportFile,
    *,
    columns: Sequence[str],
    ground: Basis,
    notice_ids: Sequence[int],
    media: Sequence[str],
    are_members: bool,
    evidence: str,
    obtained_on: date | None,
) -> None:
    """Columns and the basis of consent are chosen; the dry run begins in the background. Raises Invalid."""
    source = _locked(actor, source)
    try:
        chosen = [Column(value) for value in columns]
    except ValueError:
        raise Invalid(problem="모르는 열이 골라졌습니다.") from None
    if len(chosen) != len(source.header):
        raise Invalid(problem="파일의 열과 고른 열의 수가 다릅니다. 페이지를 새로 열어 주세요.")
    if problem := mapping.problem(chosen):
        raise Invalid(problem=problem)
    if ground == Basis.CONSENT and (not notice_ids or obtained_on is None or len(nfc(evidence)) < 2):
        raise Invalid(problem="동의를 받았다면 어떤 고지문으로, 언제, 무엇으로 증명하는지 적어 주세요.")
    offered = {offer.notice_id: set(offer.media) for offer in basis.grounds(actor, source.unit)}
    if media and not notice_ids:
        raise Invalid(problem="매체를 골랐다면 동의받은 고지문도 골라 주세요. 동의가 아니라면 매체는 비워 두세요.")
    if not set(notice_ids) <= offered.keys() or not set(media) <= set().union(*(offered[n] for n in notice_ids)):
        raise Invalid(problem="이 조직에서 고를 수 없는 고지문이나 매체입니다.")
    if obtained_on is not None and obtained_on > clock.today():
        raise Invalid(problem="동의를 받은 날이 오늘보다 뒤입니다.")
    source.columns, source.basis, source.notice_ids = [str(c) for c in chosen], int(ground), list(notice_ids)
    source.media, source.are_members = list(media), are_members
    source.evidence, source.obtained_on, source.next_row, source.problem = nfc(evidence)[:200], obtained_on, 0, ""
    staging.run("forget", import_id=source.pk)
    _move(source, ImportState.READING)
    source.save()
    jobs.defer("people.import_read", import_id=source.pk)


@transaction.atomic
def confirm(actor: Actor, source: ImportFile) -> None:
    """What the dry run showed is done now, in the background."""
    source = _locked(actor, source)
    _move(source, ImportState.APPLYING)
    source.next_row = 0
    source.save(update_fields=["state", "next_row"])
    activity.write(actor, "people.import_confirmed", unit_id=source.unit_id, object_kind="import", object_id=source.pk)
    jobs.defer("people.import_apply", import_id=source.pk)


@transaction.atomic
def undo(actor: Actor, source: ImportFile) -> None:
    """Those who came by this import go again, and what it filled in is emptied, in the background."""
    source = _locked(actor, source)
    _move(source, ImportState.UNDOING)
    source.save(update_fields=["state"])
    activity.write(actor, "people.import_undone", unit_id=source.unit_id, object_kind="import", object_id=source.pk)
    jobs.defer("people.import_undo", import_id=source.pk)


@transaction.atomic
def discard(actor: Actor, source: ImportFile) -> None:
    """The list is thrown away before anything came of it."""
    _throw_away(_locked(actor, source))


def _throw_away(source: ImportFile) -> None:
    _move(source, ImportState.DISCARDED)
    stored, source.stored_as = source.stored_as, ""
    source.save(update_fields=["state", "stored_as"])
    staging.run("forget", import_id=source.pk)
    transaction.on_commit(lambda: store.remove(stored))


def _locked(actor: Actor, source: ImportFile) -> ImportFile:
    actor.require(Act.PEOPLE_IMPORT, source.unit)
    return ImportFile.objects.select_for_update(no_key=True, of=("self",)).select_related("unit").get(pk=source.pk)


def _move(source: ImportFile, state: ImportState) -> None:
    if state not in MOVES[source.state]:
        raise Conflict(
            problem=f"지금은 ‘{ImportState(source.state).label}’이라 할 수 없습니다. 페이지를 새로 열어 주세요."
        )
    source.state = state


# ── in the background ────────────────────────────────────────────────────────────────────────────────────────────────


def read(import_id: int) -> None:
    """The file is staged and counted; then it waits for the operator. Goes on where it was cut off."""
    source = ImportFile.objects.select_related("unit").get(pk=import_id)
    if source.state != ImportState.READING:
        return
    problem = ""
    try:
        if not staging.read_all(source):
            return
    except reader.Unreadable as error:
        problem = str(error)[:200]
    except FileNotFoundError:
        problem = "파일이 없어졌습니다. 다시 올려 주세요."
    with transaction.atomic():
        held = _held(import_id, ImportState.READING)
        if held is None:
            return
        held.problem, held.state = problem, ImportState.FAILED if problem else ImportState.READY
        if not problem:
            _count(held)
        held.save()


def _count(source: ImportFile) -> None:
    staging.mark_duplicates(source)
    # Somebody known elsewhere in the organisation counts as new here: an import must not tell who is in other lists.
    source.merged_rows = 0
    for (last_row,) in staging.run("blocks", import_id=source.pk):
        known = staging.run("match_people", import_id=source.pk, root=source.root_id, last_row=last_row)
        mine = _in_sight(source, [person for (person,) in known])
        source.merged_rows += sum(person in mine for (person,) in known)
    [(readable, source.duplicate_rows, source.problem_rows, source.total_rows)] = staging.run(
        "totals", import_id=source.pk
    )
    source.new_rows = readable - source.merged_rows


def _held(import_id: int, state: ImportState) -> ImportFile | None:
    """The import while it is in that state, locked for the rest of the transaction: None for a job that was overtaken.

    A job whose worker was only slow is run a second time; of two, each batch is done by one.
    """
    rows = ImportFile.objects.select_for_update(no_key=True, of=("self",)).select_related("unit")
    return rows.filter(pk=import_id, state=state).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where the people of an import can be at home: what the rows say, and which units answer for districts."""

    districts: Districts
    homes: dict[str, int]

    def home(self, unit_code: str, district: str) -> int | None:
        """The unit below the importing one that a row names, or that answers for its district."""
        if unit_code and (named := self.districts.unit(unit_code)):
            return named
        return self.homes.get(self.districts.district(district) or "")


def apply(import_id: int) -> None:
    """Every readable row is a person now. One block, one transaction; goes on where it was cut off.

    Of a long list two lines of work each take the next block that nobody has: while the database writes one, the other is
    made ready.
    """
    source = ImportFile.objects.select_related("unit").get(pk=import_id)
    districts = staging.districts_below(source.unit)
    inside = set(districts.unit_codes.values())
    answering = people.units_of_districts(source.root_id, clock.today()).items()
    places = _Places(districts=districts, homes={district: unit for district, unit in answering if unit in inside})
    [(left,)] = staging.run("left", import_id=import_id)
    with ThreadPoolExecutor(1) as beside:
        other = beside.submit(_apply_beside, import_id, places) if left >= TOGETHER_FROM else None
        while _apply_next(import_id, places):
            pass
        if other is not None:
            other.result()
    _finish(import_id)


def _apply_beside(import_id: int, places: _Places) -> None:
    try:
        while _apply_next(import_id, places):
            pass
    finally:
        connection.close()


@uncollected()
@transaction.atomic
def _apply_next(import_id: int, places: _Places) -> bool:
    """One block more is people. False when none is left that nobody has in hand."""
    source = ImportFile.objects.select_related("unit").filter(pk=import_id, state=ImportState.APPLYING).first()
    found = staging.run("next_block", import_id=import_id) if source else []
    if source is None or not found:
        return False
    [(last_row, states, sealed, *blinds)] = found
    applied = _apply_block(system_actor(source.root_id), source, places, last_row, states, sealed, blinds)
    ImportFile.objects.filter(pk=import_id).update(applied_rows=F("applied_rows") + applied)
    return True


@transaction.atomic
def _finish(import_id: int) -> None:
    """The import is done, if every block is."""
    source = _held(import_id, ImportState.APPLYING)
    if source is None or staging.run("left", import_id=import_id) != [(0,)]:
        return
    stored, source.stored_as = source.stored_as, ""
    source.state, source.finished_at = ImportState.DONE, clock.now()
    source.save(update_fields=["state", "finished_at", "stored_as"])
    transaction.on_commit(lambda: store.remove(stored))
    jobs.defer("people.freshen_pages", root_id=source.root_id)


def _apply_block(
    actor: Actor,
    source: ImportFile,
    places: _Places,
    last_row: int,
    states: list[int],
    sealed: bytes,
    blinds: Sequence[list[bytes | None] | None],
) -> int:
    """The readable rows of a block are people; returns how many they were. ``blinds``: of numbers, names and addresses."""
    readable = [state == staging.READABLE for state in states]
    numbers, names, mails = (list(compress(blind or [None] * len(states), readable)) for blind in blinds)
    rows = staging.opened(source, last_row, sealed).where(readable)
    tags = _tags(source.root_id, {tag for borne in {*rows.tags} for tag in borne})
    fresh = _people(source, places, tags, rows)._replace(name_blind=names, mobile_blind=numbers, email_blind=mails)
    added = people.add_columns(actor, fresh) if rows.name else Added(numbers=[], duplicates=[])
    merged = {duplicate.index: duplicate.person_id for duplicate in added.duplicates}
    mine = _in_sight(source, merged.values())
    known = [(person, rows.row(index)) for index, person in merged.items() if person in mine]
    filled = _fill(source, known, places.districts)
    for name, tag in tags.items():
        bearers = [person for person, row in known if name in row.tags]
        if bearers:
            people.put_tag(actor, bearers, Tag(pk=tag, root_id=source.root_id))
    who = [number or merged[index] for index, number in enumerate(added.numbers)]
    became = iter(
        (staging.NEW if number else staging.MERGED, person) for number, person in zip(added.numbers, who, strict=True)
    )
    settled = [next(became) if state == staging.READABLE else (state, staging.NOBODY) for state in states]
    staging.run(
        "settle",
        import_id=source.pk,
        last_row=last_row,
        states=arrays.int2s([state for state, _ in settled]),
        people=arrays.int8s([person for _, person in settled]),
        filled=Jsonb(filled),
    )
    if source.are_members:
        _enrol(actor, source, known)
    basis.tell_applied(actor, source, who)
    return len(who)


def _people(source: ImportFile, places: _Places, tags: dict[str, int], rows: CleanRows) -> NewPeople:
    homes = {said: places.home(*said) or source.unit_id for said in {*zip(rows.unit_code, rows.district, strict=True)}}
    districts = {said: places.districts.district(said) or "" for said in {*rows.district}}
    borne = {names: tuple(tags[name] for name in names) for names in {*rows.tags}}
    return NewPeople.alike(
        len(rows.name),
        entity_id=source.unit.entity_id,
        name=rows.name,
        mobile=rows.mobile,
        email=rows.email,
        home_unit_id=[homes[said] for said in zip(rows.unit_code, rows.district, strict=True)],
        birth_ym=rows.birth_ym,
        gender=rows.gender,
        district_code=[districts[said] for said in rows.district],
        basis=source.basis,
        import_id=source.pk,
        member=MemberState.MEMBER if source.are_members else None,
        member_since=rows.member_since if source.are_members else None,
        tags=[borne[names] for names in rows.tags],
    )


def _fill(source: ImportFile, merged: Sequence[tuple[int, CleanRow]], districts: Districts) -> dict[int, list[str]]:
    """What the people lacked and the rows say is theirs now; the columns that were filled in, by person."""
    if not merged:
        return {}
    filled: dict[int, list[str]] = dict(
        staging.run(
            "fill_blanks",
            root=source.root_id,
            basis=source.basis,
            people=[person for person, _ in merged],
            births=[line.birth_ym for _, line in merged],
            genders=[line.gender for _, line in merged],
            districts=[districts.district(line.district) or "" for _, line in merged],
        )
    )
    addresses = {person: line.email for person, line in merged if line.email}
    if addresses:
        given = staging.run(
            "fill_addresses",
            root=source.root_id,
            at=clock.now(),
            people=list(addresses),
            sealed=arrays.byteas(sealer().seal_many(place(source.root_id, "email"), addresses.items())),
            blinds=arrays.byteas([blind(source.root_id, "email", address) for address in addresses.values()]),
        )
        for (person,) in given:
            filled[person] = [*filled.get(person, ()), "email"]
    return filled


def _enrol(actor: Actor, source: ImportFile, merged: Sequence[tuple[int, CleanRow]]) -> None:
    by_day: dict[date, list[int]] = {}
    for person, line in merged:
        by_day.setdefault(line.member_since or source.obtained_on or clock.today(), []).append(person)
    for day, who in by_day.items():
        people.set_membership(actor, who, source.unit.entity_id, MemberState.MEMBER, day)


def _tags(root_id: int, names: set[str]) -> dict[str, int]:
    Tag.objects.bulk_create([Tag(root_id=root_id, name=name) for name in sorted(names)], ignore_conflicts=True)
    return dict(Tag.objects.filter(root_id=root_id, name__in=names).values_list("name", "pk"))


def take_back(import_id: int) -> None:
    """Undoes an import, batch by batch: its own people are destroyed, what it filled in is emptied."""
    while _take_back_next(import_id):
        pass


@transaction.atomic
def _take_back_next(import_id: int) -> bool:
    """One batch more is taken back, or the undoing is done. False when nothing is left to do."""
    source = _held(import_id, ImportState.UNDOING)
    if source is None:
        return False
    found = staging.run("applied_block", import_id=source.pk)
    if not found:
        source.state, source.finished_at = ImportState.UNDONE, clock.now()
        source.save(update_fields=["state", "finished_at"])
        return False
    [(last_row, states, who)] = found
    actor = system_actor(source.root_id)
    basis.tell_undone(actor, source, [person for person in who if person != staging.NOBODY])
    staging.run("empty_again", import_id=source.pk, root=source.root_id, last_row=last_row)
    staging.run("take_addresses", import_id=source.pk, root=source.root_id, last_row=last_row)
    own = [person for person, state in zip(who, states, strict=True) if state == staging.NEW]
    people.erase(actor, own, why="명단 가져오기를 되돌림")
    staging.run("mark_undone", import_id=source.pk, last_row=last_row)
    return True


def expire(before: datetime) -> int:
    """Lists nobody applied since ``before`` are thrown away, and rows that could not be read go from applied ones.

    Returns the lists thrown away. What became people stays; what did not is nobody's to keep (PIP-25).
    """
    staging.run("forget_left", before=before)
    idle = ImportFile.objects.filter(state__in=DISCARDABLE, uploaded_at__lt=before).values_list("pk", flat=True)
    return sum(_expire_one(number) for number in idle)


@transaction.atomic
def _expire_one(import_id: int) -> bool:
    rows = ImportFile.objects.select_for_update(no_key=True, of=("self",))
    source = rows.filter(pk=import_id, state__in=DISCARDABLE).first()
    if source is not None:
        _throw_away(source)
    return source is not None


def _in_sight(source: ImportFile, known: Iterable[int]) -> set[int]:
    """Those of ``known`` whom the uploader sees now. An import must not tell who is in other lists (decision 0008)."""
    people_known = sorted(set(known))
    actor = actor_of_user(source.uploaded_by, source.root_id) if source.uploaded_by else None
    return reachable(actor, people_known) if actor is not None and people_known else set()


def problem_counts(source: ImportFile) -> list[tuple[str, int]]:
    """Sentence and count of each kind of problem, the most frequent first."""
    return [(PROBLEMS[code], n) for code, n in staging.run("problem_kinds", import_id=source.pk)]
