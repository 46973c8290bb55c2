"""Prometheus' text format, and who may read it (O3)."""

import pytest

from majung.core import exposition
from majung.core.exposition import Metric, Sample, labelled, single


def test_the_page_is_as_prometheus_reads_it() -> None:
    told = exposition.text(
        [
            single("a", "One.", 3),
            labelled("b_total", "By what.", "what", {'q"\\\n': 2.5}, "counter"),
            Metric(
                "c", "histogram", "Slow.", [Sample(1, (("le", "0.1"),), "_bucket"), Sample(12345678901, (), "_count")]
            ),
        ]
    )
    assert told.decode() == (
        "# HELP a One.\n# TYPE a gauge\na 3\n"
        '# HELP b_total By what.\n# TYPE b_total counter\nb_total{what="q\\"\\\\\\n"} 2.5\n'
        '# HELP c Slow.\n# TYPE c histogram\nc_bucket{le="0.1"} 1\nc_count 12345678901\n'
    )


@pytest.mark.parametrize(
    ("peer", "headers", "token", "may"),
    [
        ("127.0.0.1", {}, "", True),
        ("::1", {}, "", True),
        ("10.0.0.7", {}, "", False),
        ("", {}, "", False),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9"}, "", False),
        ("127.0.0.1", {"forwarded": "for=203.0.113.9"}, "", False),
        ("10.0.0.7", {"authorization": "Bearer right"}, "right", True),
        ("10.0.0.7", {"authorization": "Bearer wrong"}, "right", False),
        ("10.0.0.7", {"authorization": "Basic right"}, "right", False),
        ("127.0.0.1", {}, "right", False),
        ("10.0.0.7", {"authorization": "Bearer 열쇠"}, "right", False),
    ],
)
def test_who_may_read(peer: str, headers: dict[str, str], token: str, may: bool) -> None:
    assert exposition.may_read(peer, headers, token) is may
