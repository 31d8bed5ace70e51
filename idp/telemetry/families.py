"""Every metric there is. docs/operations.md explains each."""

from __future__ import annotations

from idp.telemetry.tallies import Family, Kind, Labels

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_FASTEST = (0.00001, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)


def _family(kind: Kind, name: str, meaning: str, labels: Labels = (), bounds: tuple[float, ...] = ()) -> Family:
    return Family(name=name, meaning=meaning, kind=kind, labels=labels, bounds=bounds)


REQUESTS = _family(
    "histogram",
    "hyrja_request_seconds",
    "Requests by endpoint and class of status, from the first byte of the header to the last of the answer",
    ("realm", "endpoint", "status"),
    _FAST,
)
LOGINS = _family(
    "counter",
    "hyrja_logins_total",
    "Logins that ended, by outcome; of a refused one also the step that refused",
    ("realm", "outcome", "step"),
)
STEPS = _family(
    "counter",
    "hyrja_login_steps_total",
    "Steps of logins: passed, or the error of a wrong answer",
    ("realm", "step", "outcome"),
)
GRANTS = _family("counter", "hyrja_grants_total", "Requests for tokens of known clients", ("realm", "grant", "outcome"))
SESSIONS = _family("counter", "hyrja_sessions_opened_total", "User sessions made by a login", ("realm",))
LOCKS = _family("counter", "hyrja_locks_total", "Factors of users that were locked", ("realm", "kind"))
EVENTS = _family("counter", "hyrja_events_total", "Events recorded", ("realm", "type", "error"))
MESSAGES = _family(
    "histogram",
    "hyrja_sms_seconds",
    "Text messages handed to a gateway, or not taken by any",
    ("realm", "gateway", "outcome"),
    (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
SPEND = _family(
    "counter", "hyrja_sms_spend_total", "What text messages cost, in the unit of the realm's prices", ("realm",)
)
RECEIPTS = _family("counter", "hyrja_sms_receipts_total", "What gateways told later of messages", ("realm", "outcome"))
ROUND_TRIPS = _family(
    "histogram", "hyrja_store_seconds", "Calls to a part of the store", ("part", "verb", "outcome"), _FASTEST
)
STORE_OK = Family(
    name="hyrja_store_ok",
    meaning="1 if a part of the store serves, as every worker finds",
    kind="gauge",
    labels=("part",),
    together="least",
)
SKEW = Family(
    name="hyrja_store_clock_skew_seconds",
    meaning="How far the clock of a part of the store is from ours, ahead or behind",
    kind="gauge",
    labels=("part",),
    together="most",
)
OUTBOUND = _family("histogram", "hyrja_outbound_seconds", "Calls to other people's servers", ("kind", "outcome"), _FAST)
HASHING_WAITS = _family("histogram", "hyrja_hashing_wait_seconds", "How long a password waited for a worker", (), _FAST)
HASHING = _family("histogram", "hyrja_hashing_seconds", "How long hashing a password took", (), _FAST)
HASHING_QUEUE = _family("gauge", "hyrja_hashing_queue", "Passwords that wait for a worker or are being hashed")
RESIDENT = _family("gauge", "hyrja_process_resident_bytes", "Memory of all workers")
CPU = _family("counter", "hyrja_process_cpu_seconds_total", "CPU time of all workers")
LINES_LOST = _family("counter", "hyrja_log_lines_lost_total", "Lines of the log that could not be written")
WORKERS = _family("gauge", "hyrja_workers", "Serving processes")
READY = _family("gauge", "hyrja_ready", "Serving processes that are ready")
BUILD = _family("gauge", "hyrja_build_info", "1; what runs here, for each worker", ("version", "python"))

FAMILIES: tuple[Family, ...] = (
    REQUESTS,
    LOGINS,
    STEPS,
    GRANTS,
    SESSIONS,
    LOCKS,
    EVENTS,
    MESSAGES,
    SPEND,
    RECEIPTS,
    ROUND_TRIPS,
    STORE_OK,
    SKEW,
    OUTBOUND,
    HASHING_WAITS,
    HASHING,
    HASHING_QUEUE,
    RESIDENT,
    CPU,
    LINES_LOST,
    WORKERS,
    READY,
    BUILD,
)
