"""Segments over the API: criteria in, counts out, as the key may know them."""

from typing import Any
from uuid import UUID

from ninja import Field, Router, Schema

from majung.api.app import ApiRequest, Said
from majung.api.idempotency import once
from majung.audience import queries, services
from majung.audience.models import Segment
from majung.tree.enums import Act

router = Router(tags=["segments"])


class Criteria(Said):
    """Criteria of a unit, as the builder writes them (docs/developers/criteria.md)."""

    unit: UUID
    criteria: dict[str, Any]


class Counted(Schema):
    """``number`` is null when it is hidden (few people elsewhere, or a blind sender's small audience)."""

    number: int | None
    shown: str
    enough: bool
    missing: list[str]


class NewSegment(Criteria):
    """A segment to be kept."""

    name: str = Field(max_length=80)


class SegmentOut(Schema):
    """One saved segment."""

    id: UUID
    name: str
    unit: UUID
    criteria: dict[str, Any]


def _out(segment: Segment) -> dict[str, Any]:
    return {
        "id": str(segment.public_id),
        "name": segment.name,
        "unit": str(segment.unit.public_id),
        "criteria": segment.criteria,
    }


@router.get("", response=list[SegmentOut])
def segments(request: ApiRequest, search: str = "") -> list[dict[str, Any]]:
    """The segments in sight, the latest changed first; at most 200."""
    return [_out(segment) for segment in queries.segments(request.actor, search=search[:80])[:200]]


@router.post("/count", response=Counted)
def count(request: ApiRequest, asked: Criteria) -> dict[str, Any]:
    """How many people of the unit and below it the criteria find now."""
    unit = request.actor.unit(asked.unit, Act.SEGMENTS_WRITE)
    found = services.count(request.actor, unit, services.parse(asked.criteria))
    told = found.count
    return {"number": told.number, "shown": told.shown, "enough": told.enough, "missing": list(found.missing)}


@router.post("", response={201: SegmentOut})
def save(request: ApiRequest, new: NewSegment) -> tuple[int, dict[str, Any]]:
    """Keep a segment at a unit."""

    def act() -> dict[str, Any]:
        unit = request.actor.unit(new.unit, Act.SEGMENTS_WRITE)
        return _out(services.save_segment(request.actor, unit, name=new.name, group=services.parse(new.criteria)))

    return once(request, 201, act)


@router.get("/{uuid:public_id}", response=SegmentOut)
def segment(request: ApiRequest, public_id: UUID) -> dict[str, Any]:
    """One segment in sight."""
    return _out(queries.segment(request.actor, public_id))


@router.delete("/{uuid:public_id}", response={204: None})
def delete(request: ApiRequest, public_id: UUID) -> tuple[int, None]:
    """The segment is gone from lists; campaigns that used it keep their own criteria."""
    services.delete_segment(request.actor, queries.segment(request.actor, public_id))
    return 204, None
