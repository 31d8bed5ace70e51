"""The numbers as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from idp.telemetry.families import FAMILIES
from idp.telemetry.tallies import Family, Numbers


class _Collected(Collector):
    def __init__(self, total: Callable[[], Mapping[str, Numbers]]) -> None:
        self._total = total

    def collect(self) -> Iterator[Metric]:
        total = self._total()
        for family in FAMILIES:
            yield _metric(family, total.get(family.name, {}))


def exposed(total: Callable[[], Mapping[str, Numbers]], *, accept: str) -> tuple[bytes, str]:
    """Return the numbers in the format that the `Accept` header asks for, and its media type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(total))
    encoder, media_type = choose_encoder(accept)
    return encoder(registry), media_type


def _metric(family: Family, numbers: Numbers) -> Metric:
    match family.kind:
        case "histogram":
            histogram = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
            for labels, values in numbers.items():
                histogram.add_metric(labels, _buckets(family, values), values[-1])
            return histogram
        case "gauge":
            gauge = GaugeMetricFamily(family.name, family.meaning, labels=family.labels)
            for labels, values in numbers.items():
                gauge.add_metric(labels, values[0])
            return gauge
        case "counter":
            counter = CounterMetricFamily(family.name, family.meaning, labels=family.labels)
            for labels, values in numbers.items():
                counter.add_metric(labels, values[0])
            return counter


def _buckets(family: Family, values: list[float]) -> list[tuple[str, float]]:
    """Return the cumulative buckets; ours are not cumulative, for one addition costs less than a dozen."""
    so_far, buckets = 0.0, []
    for bound, number in zip((*map(str, family.bounds), "+Inf"), values[:-1], strict=True):
        so_far += number
        buckets.append((bound, so_far))
    return buckets
