"""How often strangers may ask: every request costs a record, every guess a chance, every message a disturbance."""

from __future__ import annotations

from idp.flows.networks import subscriber_of
from idp.model.client import Client
from idp.oidc.errors import ErrorCode, OAuthError
from idp.oidc.provider import Provider

_DEVICE_REQUESTS, _DEVICE_WINDOW = 100, 300  # of one client from one network, in seconds
_PUSHED_REQUESTS, _PUSHED_WINDOW = 300, 300
_BROWSER_GUESSES, _NETWORK_GUESSES, _GUESS_WINDOW = 10, 50, 600
_HOUR = 3600
_TOO_MANY = 429
_RETRY_AFTER = ((b"retry-after", b"60"),)


async def spend_device_request(provider: Provider, client_id: str, address: str | None) -> None:
    """Count a device authorization request; raises `OAuthError` if there were too many."""
    key = f"{client_id}|{subscriber_of(address)}"
    if not await provider.stores.throttle.hit("device-request", key, limit=_DEVICE_REQUESTS, window=_DEVICE_WINDOW):
        raise _too_many()


async def spend_pushed_request(provider: Provider, client: Client, address: str | None) -> None:
    """Count a pushed request that anybody could send in a public client's name; raises `OAuthError` (RFC 9126 §2.3).

    A client that has proven itself is known, and pushes for all of its users from one address: it has no budget.
    """
    if not client.public:
        return
    key = f"{client.client_id}|{subscriber_of(address)}"
    if not await provider.stores.throttle.hit("pushed-request", key, limit=_PUSHED_REQUESTS, window=_PUSHED_WINDOW):
        raise _too_many()


async def may_guess(provider: Provider, *, browser: str, address: str | None) -> bool:
    """Count a user code that somebody enters; false if they have tried too many (RFC 8628 §5.1).

    Of 20⁸ codes, fifty guesses in ten minutes find one of a thousand waiting ones once in nine years.
    """
    throttle = provider.stores.throttle
    by_browser = await throttle.hit("user-code-browser", browser, limit=_BROWSER_GUESSES, window=_GUESS_WINDOW)
    # A browser that drops its cookie is a new one; its network is not.
    by_network = await throttle.hit(
        "user-code-network", subscriber_of(address), limit=_NETWORK_GUESSES, window=_GUESS_WINDOW
    )
    return by_browser and by_network


async def may_disturb(provider: Provider, user_id: str) -> bool:
    """Count a request that asks a customer; false if they were asked too often (NIST SP 800-63B-4 §3.1.3.2)."""
    limit = provider.realm().pending.requests_per_hour
    return await provider.stores.throttle.hit("backchannel-request", user_id, limit=limit, window=_HOUR)


def _too_many() -> OAuthError:
    return OAuthError(ErrorCode.TEMPORARILY_UNAVAILABLE, "Try again later.", status=_TOO_MANY, headers=_RETRY_AFTER)
