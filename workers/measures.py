"""What a worker process measures of its own work. How the installation stands is the web process's `/metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

#: seconds from a receipt's arrival to its event's commit
PERSIST_LAG = Histogram(
    "daybook_persist_lag_seconds",
    "From a delivery's arrival to its event's commit, of the events that this worker process wrote",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
    registry=REGISTRY,
)
#: attempts of steps
ATTEMPTS = Histogram(
    "daybook_attempt_seconds",
    "How long attempts of steps took in this worker process, by kind of step and how they ended",
    ["kind", "outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
    registry=REGISTRY,
)
#: doorbells that the sweep rang because nobody had heard the first
SWEPT = Counter(
    "daybook_sweep_rung_receipts",
    "Receipts that this process's sweep rang for again",
    registry=REGISTRY,
)
