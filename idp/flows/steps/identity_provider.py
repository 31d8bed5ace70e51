"""`identity-provider-redirector`: the person logs in at another provider, and comes back with its word.

The browser goes there from the login's page and comes back to the very tab: the request's `state` is the page's nonce,
so an answer is taken once, in this browser, for this visit, or not at all.
"""

from __future__ import annotations

from typing import ClassVar

from idp.flows.brokering.upstream import FACTOR, arrival, secrets_of, taken_over
from idp.flows.customers.users import amend
from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
    Detour,
    Failure,
    Form,
    Login,
    Outcome,
    StepContract,
    StepEvent,
    StepServices,
    Success,
)
from idp.flows.tree import Execution
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.trusted.upstream import Arrival, UpstreamProvider
from idp.model.user import User
from idp.ports import UpstreamRefusedError

UPSTREAM = "upstream"
"""Not a page of ours: the browser is sent to `address`, with the page's nonce as `state`."""


class Config(Frozen, frozen=True, kw_only=True, rename="camel"):
    """`defaultProvider`: the alias of the provider that everybody is sent to, without being asked."""

    default_provider: str = ""


class IdentityProviderRedirector:
    """Sends to an upstream provider and judges who comes back."""

    contract: ClassVar[StepContract] = StepContract(proves=FACTOR, identifies=True, needs_user=False, by_choice=True)
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, execution: Execution, config: Config, *, realm: Realm, services: StepServices) -> None:
        del execution
        self.default_provider = config.default_provider
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """For whoever it is; the runner offers it only to who chose a provider, or was sent to one."""
        del user
        return Usability.READY if self._realm.upstreams else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Send the browser there."""
        upstream = self._realm.upstreams.get(login.upstream)
        if upstream is None:
            return Failure(reason=f"there is no identity provider “{login.upstream}”")
        nonce, verifier = secrets_of(login, upstream.alias, self._services.code_key)
        address = self._services.upstreams.request(
            upstream,
            redirect_uri=self._endpoint(upstream),
            nonce=nonce,
            verifier=verifier,
            login_hint=login.login_hint,
            locale=login.locale,
        )
        return Challenge(page=UPSTREAM, fields={"address": address})

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Redeem the code and find the user; who is not linked yet goes through the first broker login."""
        upstream = self._realm.upstreams.get(login.upstream)
        if upstream is None or answer.get("alias") != upstream.alias:
            # RFC 9700 §4.4: each provider has an address of its own, so an answer of another one is a mix-up.
            return self._failed("the answer came by the address of another provider", login.upstream)
        if answer.get("iss", upstream.issuer) != upstream.issuer:  # RFC 9207 §2.4
            return self._failed("the answer names another issuer", upstream.alias)
        if "code" not in answer:
            return self._failed(f"the provider answered {answer.get('error', 'without a code')[:64]}", upstream.alias)
        nonce, verifier = secrets_of(login, upstream.alias, self._services.code_key)
        try:
            claims = await self._services.upstreams.redeemed(
                upstream,
                code=answer["code"],
                redirect_uri=self._endpoint(upstream),
                nonce=nonce,
                verifier=verifier,
            )
        except UpstreamRefusedError as refused:
            return self._failed(str(refused), upstream.alias)
        return await self._known(upstream, arrival(upstream, claims, execution=login.execution, now=login.now))

    async def _known(self, upstream: UpstreamProvider, came: Arrival) -> Outcome:
        user = await self._services.users.by_identity(came.identity.alias, came.identity.subject)
        if user is None:
            if upstream.link_only:
                return self._failed("nobody is linked, and the provider is for those who are", upstream.alias)
            return Detour(arrival=came)
        await amend(
            self._services.users, user.id, lambda now: taken_over(self._realm, upstream, now, came, first=False)
        )
        told = StepEvent(type="IDENTITY_PROVIDER_LOGIN", detail={"identity_provider": upstream.alias}, user_id=user.id)
        return Success(user_id=user.id, attempted_username=user.username, events=(told,))

    def _endpoint(self, upstream: UpstreamProvider) -> str:
        return f"{self._services.origin}/realms/{self._realm.name}/broker/{upstream.alias}/endpoint"

    def _failed(self, reason: str, alias: str) -> Failure:
        """Give way to the other ways of the flow: an upstream that is down does not keep the house shut."""
        told = StepEvent(
            type="IDENTITY_PROVIDER_LOGIN_ERROR",
            error="identity_provider_error",
            detail={"identity_provider": alias, "reason": reason},
        )
        return Failure(reason=f"identity provider: {reason}", events=(told,))
