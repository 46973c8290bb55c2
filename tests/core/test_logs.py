"""Logs say ids and facts, and nothing that others put into messages and exceptions (SEC-05, O3)."""

import json
import logging

import psycopg
import pytest

from majung.core import logs
from majung.core.db import raw
from majung.core.errors import Misconfigured, Outside

NAME, NUMBER, MAIL = "홍길동전", "010-9876-5432", "gildong@example.com"
SENTINELS = (NAME, NUMBER, NUMBER.replace("-", ""), "9876", MAIL, "gildong")


def both(record: logging.LogRecord) -> tuple[dict[str, object], str]:
    """The record as an object and as a line."""
    return json.loads(logs.Json().format(record)), logs.Line().format(record)


def caught(error: Exception, **extra: object) -> logging.LogRecord:
    """A record of an exception on its way through this function."""
    try:
        raise error
    except type(error) as seen:
        record = logging.makeLogRecord({"name": "x", "levelname": "ERROR", "msg": "a step failed", **extra})
        record.exc_info = (type(seen), seen, seen.__traceback__)
        return record


def test_ids_stand_beside_the_sentence() -> None:
    token = logs.ABOUT.set({"campaign": 7, "chunks": [1, 2]})
    told, line = both(
        logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "sent", "request_id": "abc", "group": "G1"})
    )
    logs.ABOUT.reset(token)
    assert (told["message"], told["campaign"], told["chunks"], told["group"], told["request_id"]) == (
        "sent",
        7,
        [1, 2],
        "G1",
        "abc",
    )
    assert "campaign=7" in line and "abc" in line and "group=G1" in line


@pytest.mark.parametrize(
    "said", [f"call {NUMBER}", f"call +82 10 9876 5432 or {MAIL}", f"call {NUMBER.replace('-', '')}"]
)
def test_numbers_and_addresses_are_cut_out_of_sentences_and_facts(said: str) -> None:
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": said, "why": said, "many": {"to": [said]}})
    for text in (json.dumps(both(record)[0], ensure_ascii=False), both(record)[1]):
        assert not [trace for trace in SENTINELS if trace in text], text


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"not a name: {NAME}"),
        KeyError(NUMBER),
        RuntimeError(MAIL),
        UnicodeDecodeError("utf-8", NAME.encode(), 0, 1, NAME),
    ],
)
def test_what_an_exception_says_is_left_out_and_where_it_was_is_kept(error: Exception) -> None:
    told, line = both(caught(error))
    assert type(error).__name__ in told["fault"]["type"] and "test_logs.py" in told["fault"]["at"][0]  # type: ignore[index]
    for text in (json.dumps(told, ensure_ascii=False), line):
        assert not [trace for trace in SENTINELS if trace in text], text


@pytest.mark.django_db
def test_the_databases_complaint_keeps_its_code_and_loses_the_value() -> None:
    with pytest.raises(psycopg.Error) as seen, raw().transaction():
        raw().execute("SELECT %s::text::int", [NAME])
    told, line = both(caught(seen.value))
    assert told["fault"]["sqlstate"] == "22P02" and "22P02" in line  # type: ignore[index]
    assert NAME not in json.dumps(told, ensure_ascii=False) and NAME not in line


def test_our_own_words_and_what_they_came_from_are_told() -> None:
    error = Outside("no answer", retryable=True)
    error.__cause__ = ValueError(NAME)
    told, line = both(caught(error))
    assert told["fault"]["says"] == "no answer" and told["fault"]["from"]["type"] == "builtins.ValueError"  # type: ignore[index]
    assert "no answer" in line and NAME not in line


def test_a_form_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Misconfigured, match="MAJUNG_LOG_FORMAT"):
        logs.form("xml")
