"""What a realm demands of passwords, one-time codes and repeated failures (Keycloak's settings, typed)."""

from __future__ import annotations

from typing import Literal

import msgspec

from idp.model.struct import Frozen

OtpKind = Literal["totp", "hotp"]
OtpAlgorithm = Literal["HmacSHA1", "HmacSHA256", "HmacSHA512"]


class PasswordRule(Frozen, frozen=True, kw_only=True):
    """One `name(argument)` of a Keycloak password policy, for instance `length(12)`."""

    name: str
    argument: str = ""


class OtpPolicy(Frozen, frozen=True, kw_only=True):
    """How new one-time-code credentials are made; each credential keeps the values it was made with.

    `look_ahead_window` of codes by time: 0 is the current step only, 1 the previous one too, for its first ten seconds.
    Of codes by counter: how many may have been made and not used.
    """

    algorithm: OtpAlgorithm = "HmacSHA1"
    digits: int = 6
    period: int = 30  # seconds
    look_ahead_window: int = 1
    kind: OtpKind = "totp"
    initial_counter: int = 0


class BruteForcePolicy(Frozen, frozen=True, kw_only=True):
    """When failures lock a factor of a user. Times in seconds; names are Keycloak's.

    `quick_login_check` is in milliseconds: two failures within it lock for `minimum_quick_login_wait` seconds (0: off).
    `max_secondary_failures` of a second factor since its last success lock it for good, also where locks are temporary
    (0: off); `permanent_after` is the same for the factor at hand.
    """

    protected: bool = False
    failure_factor: int = 30
    wait_increment: int = 60
    max_failure_wait: int = 900
    max_delta_time: int = 43200
    permanent_lockout: bool = False
    max_temporary_lockouts: int = 0
    strategy: Literal["MULTIPLE", "LINEAR"] = "MULTIPLE"
    quick_login_check: int = 0
    minimum_quick_login_wait: int = 60
    max_secondary_failures: int = 0
    permanent_after: int = 0

    def of_second_factor(self) -> BruteForcePolicy:
        """Return what counts for a factor that is asked behind another one: its failures say that one is stolen."""
        return msgspec.structs.replace(self, permanent_after=self.max_secondary_failures)


class Lifespans(Frozen, frozen=True, kw_only=True):
    """How long things live, in seconds; Keycloak's defaults.

    `implicit_access_token` is for one that an authorization answer carries without a code: nothing can renew it.
    `user_link` is for links that users ask for, `links` for single purposes of them.
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
    user_link: int = 300
    links: dict[str, int] = {}

    def action_link(self, purpose: str) -> int:
        """Return how long a link works that a user asked for (Keycloak's `actionTokenGeneratedByUserLifespan`)."""
        return self.links.get(purpose, self.user_link)
