"""What a realm demands of passwords, one-time codes and repeated failures (Keycloak's settings, typed)."""

from __future__ import annotations

from typing import Literal

from idp.model.struct import Frozen

OtpAlgorithm = Literal["HmacSHA1", "HmacSHA256", "HmacSHA512"]


class PasswordRule(Frozen, frozen=True, kw_only=True):
    """One `name(argument)` of a Keycloak password policy, for instance `length(12)`."""

    name: str
    argument: str = ""


class OtpPolicy(Frozen, frozen=True, kw_only=True):
    """How new one-time-code credentials are made; each credential keeps the values it was made with."""

    algorithm: OtpAlgorithm = "HmacSHA1"
    digits: int = 6
    period: int = 30  # seconds
    look_ahead_window: int = 1  # 0: the current step only; 1: the previous step too, for its first ten seconds


class BruteForcePolicy(Frozen, frozen=True, kw_only=True):
    """When failures lock a factor of a user. Times in seconds; names are Keycloak's."""

    protected: bool = False
    failure_factor: int = 30
    wait_increment: int = 60
    max_failure_wait: int = 900
    max_delta_time: int = 43200
    permanent_lockout: bool = False
    max_temporary_lockouts: int = 0
    strategy: Literal["MULTIPLE", "LINEAR"] = "MULTIPLE"


class Lifespans(Frozen, frozen=True, kw_only=True):
    """How long things live, in seconds; Keycloak's defaults.

    `implicit_access_token` is for one that an authorization answer carries without a code: nothing can renew it.
    """

    access_token: int = 300
    implicit_access_token: int = 900
    access_code: int = 60
    pushed_request: int = 60
    login: int = 1800
    user_action: int = 300
    sso_idle: int = 1800
    sso_max: int = 36000
    offline_idle: int = 2592000
    offline_max: int | None = None
