from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from idp.model.event import Event
from idp.telemetry import families
from idp.telemetry.exposition import exposed
from idp.telemetry.figures import Figures
from idp.telemetry.metrics import Metrics


def event(kind: str, error: str | None = None, **detail: str) -> Event:
    return Event(type=kind, at=1, realm="bank", transaction_id="tx", user_id="ana", error=error, detail=detail)


def shown(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """What Prometheus's own reader of the format finds, by name and values of labels."""
    text = exposed(Figures(metrics).total, accept="text/plain")[0].decode()
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_login_tells_its_steps_and_that_a_session_was_opened() -> None:
    metrics = Metrics()
    metrics.event(event("LOGIN", sso="false", path="auth-username-password-form auth-otp-form action:skipped"))
    assert metrics.of(families.LOGINS).numbers == {("bank", "logged_in", ""): [1.0]}
    assert metrics.of(families.SESSIONS).numbers == {("bank",): [1.0]}
    assert metrics.of(families.STEPS).numbers == {
        ("bank", "auth-username-password-form", "passed"): [1.0],
        ("bank", "auth-otp-form", "passed"): [1.0],
        ("bank", "action", "skipped"): [1.0],
    }


def test_an_answer_by_a_session_opens_none_and_takes_no_step() -> None:
    metrics = Metrics()
    metrics.event(event("LOGIN", sso="true", path="auth-username-password-form"))
    assert metrics.of(families.LOGINS).numbers == {("bank", "single_sign_on", ""): [1.0]}
    assert metrics.of(families.SESSIONS).numbers == {}
    assert metrics.of(families.STEPS).numbers == {}


def test_a_wrong_answer_is_a_step_and_a_refusal_is_a_login() -> None:
    metrics = Metrics()
    metrics.event(event("LOGIN_ERROR", "invalid_user_credentials", factor="password"))
    metrics.event(event("LOGIN_ERROR", "rejected_by_user", reason="cancelled by the person"))
    metrics.event(event("LOGIN_ERROR", "access_denied", at="deny-access", reason="no way on"))
    assert metrics.of(families.STEPS).numbers == {("bank", "password", "invalid_user_credentials"): [1.0]}
    assert metrics.of(families.LOGINS).numbers == {
        ("bank", "rejected_by_user", ""): [1.0],
        ("bank", "access_denied", "deny-access"): [1.0],
    }


def test_grants_are_told_apart_by_kind_and_outcome() -> None:
    metrics = Metrics()
    for kind, error in (
        ("CODE_TO_TOKEN", None),
        ("CODE_TO_TOKEN_ERROR", "invalid_grant"),
        ("REFRESH_TOKEN", None),
        ("CLIENT_LOGIN_ERROR", "invalid_client"),
    ):
        metrics.event(event(kind, error))
    assert metrics.of(families.GRANTS).numbers == {
        ("bank", "authorization_code", "ok"): [1.0],
        ("bank", "authorization_code", "invalid_grant"): [1.0],
        ("bank", "refresh_token", "ok"): [1.0],
        ("bank", "client_credentials", "invalid_client"): [1.0],
    }


def test_locks_and_receipts_are_counted() -> None:
    metrics = Metrics()
    metrics.event(event("USER_DISABLED_BY_TEMPORARY_LOCKOUT"))
    metrics.event(event("USER_DISABLED_BY_PERMANENT_LOCKOUT"))
    metrics.event(event("SMS_UNDELIVERED", "sms_undelivered"))
    assert metrics.of(families.LOCKS).numbers == {("bank", "temporary"): [1.0], ("bank", "permanent"): [1.0]}
    assert metrics.of(families.RECEIPTS).numbers == {("bank", "undelivered"): [1.0]}


def test_a_sentence_in_the_place_of_an_error_is_no_label() -> None:
    """A reason may quote what somebody sent; codes are ours."""
    metrics = Metrics()
    metrics.event(event("UPDATE_CREDENTIAL_ERROR", "the key said: <b>hello</b>"))
    assert metrics.of(families.EVENTS).numbers == {("bank", "UPDATE_CREDENTIAL_ERROR", "other"): [1.0]}


def test_a_message_that_no_gateway_took_costs_nothing() -> None:
    metrics = Metrics()
    metrics.message("bank", failed=False, gateway="main", price=7, seconds=0.2)
    metrics.message("bank", failed=True, gateway="", price=7, seconds=0.2)
    assert metrics.of(families.SPEND).numbers == {("bank",): [7.0]}
    assert set(metrics.of(families.MESSAGES).numbers) == {
        ("bank", "main", "sent"),
        ("bank", "", "failed"),
    }


def test_prometheus_reads_what_is_shown() -> None:
    metrics = Metrics()
    metrics.request("bank", "token", 200, 0.002)
    metrics.request("bank", "token", 401, 0.2)
    metrics.round_trip("sqlite", "commit", 0.0003, failed=False)
    metrics.outbound("post", 0.3, failed=True)
    metrics.hashed(0.2, 0.03)
    found = shown(metrics)
    assert found["hyrja_request_seconds_count", ("token", "bank", "2xx")] == 1
    assert found["hyrja_request_seconds_bucket", ("token", "0.0025", "bank", "2xx")] == 1
    assert found["hyrja_request_seconds_bucket", ("token", "0.001", "bank", "2xx")] == 0
    assert found["hyrja_request_seconds_bucket", ("token", "+Inf", "bank", "4xx")] == 1
    assert found["hyrja_request_seconds_sum", ("token", "bank", "4xx")] == 0.2
    assert found["hyrja_store_seconds_count", ("ok", "sqlite", "commit")] == 1
    assert found["hyrja_outbound_seconds_count", ("post", "failed")] == 1
    assert found["hyrja_hashing_wait_seconds_sum", ()] == 0.2
    assert found["hyrja_hashing_seconds_sum", ()] == 0.03
    assert found["hyrja_workers", ()] == 1
    assert found["hyrja_process_resident_bytes", ()] > 10_000_000
    assert found["hyrja_process_cpu_seconds_total", ()] > 0


def test_open_metrics_is_spoken_where_it_is_asked_for() -> None:
    body, media_type = exposed(Figures(Metrics()).total, accept="application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
