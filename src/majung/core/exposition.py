"""Figures in Prometheus' text format 0.0.4, and who may read them: docs/decisions/0031-metrics-out-of-the-database.md."""

import hmac
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
PASSED_ON = ("x-forwarded-for", "forwarded", "via", "x-real-ip")
"""Headers by which a proxy says that it asks for somebody else."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value with its labels; ``suffix`` for the parts of a histogram (_bucket, _sum, _count)."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: ``kind`` is gauge, counter or histogram. Labels never hold personal data: numbers, codes, states."""

    name: str
    kind: str
    help: str
    samples: Sequence[Sample]


def single(name: str, help_text: str, value: float, kind: str = "gauge") -> Metric:
    """A figure without labels."""
    return Metric(name, kind, help_text, [Sample(value)])


def labelled(name: str, help_text: str, label: str, values: Mapping[str, float], kind: str = "gauge") -> Metric:
    """A figure with one label."""
    return Metric(name, kind, help_text, [Sample(value, ((label, key),)) for key, value in values.items()])


def text(metrics: Iterable[Metric]) -> bytes:
    """The page that Prometheus reads."""
    lines: list[str] = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for sample in metric.samples:
            labels = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in sample.labels)
            lines.append(
                f"{metric.name}{sample.suffix}{{{labels}}} {sample.value:.15g}"
                if labels
                else f"{metric.name}{sample.suffix} {sample.value:.15g}"
            )
    return "\n".join([*lines, ""]).encode()


def may_read(peer: str, headers: Mapping[str, str], token: str) -> bool:
    """With a token: whoever shows it. Without: who asks from this machine, and for nobody else."""
    if token:
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), token.encode())
    try:
        is_near = ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
    return is_near and not any(name in headers for name in PASSED_ON)
