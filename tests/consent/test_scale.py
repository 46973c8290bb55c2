"""What sets cost: consents and refusals of many people are single statements."""

import time

import pytest

from majung.consent import services
from majung.consent.enums import ConsentMedium, ConsentPurpose, RefusalPath
from majung.consent.models import ConsentState, Refusal
from tests.make import consent as make
from tests.make import tree

PEOPLE = 50_000


@pytest.mark.bench
@pytest.mark.django_db
def test_many_people_at_once(capsys):
    made = tree.organisation()
    people = make.people(PEOPLE, unit=made.top)
    notice = make.notice(made.actor, made.top, ConsentPurpose.ADVERTISING)
    took = {}

    start = time.perf_counter()
    written = make.consent(made.actor, people, notice, media=[ConsentMedium.SMS, ConsentMedium.KAKAO_AD])
    took["grant"] = time.perf_counter() - start
    start = time.perf_counter()
    refused = services.refuse(made.root.pk, people, made.entity.pk, (ConsentMedium.SMS,), RefusalPath.NUMBER_080)
    took["refuse"] = time.perf_counter() - start

    assert (written, len(refused)) == (2 * PEOPLE, PEOPLE)
    assert ConsentState.objects.count() == 2 * PEOPLE
    assert Refusal.objects.count() == PEOPLE
    with capsys.disabled():
        print("".join(f"\n{PEOPLE} people {name}: {seconds:.2f} s" for name, seconds in took.items()))
