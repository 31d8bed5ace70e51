"""One registration of the bank at the provider: begin a login, finish it, refresh it, end it.

Authlib does code flow, PKCE, state, nonce and the ID token. This module adds what Authlib leaves to its user,
each place with the section that asks for it, and turns every way to fail into one of two exceptions.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

import msgspec
from joserfc.errors import JoseError
from oauth_library import HTTPError, OAuth, OAuthError, StarletteOAuth2App, create_ssl_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sessions import Clock
    from settings import Settings
    from starlette.requests import Request
    from starlette.responses import Response

SCOPE = "openid profile email phone"
ABOUT_TO_EXPIRE = 60
"""Seconds before its end at which an access token is exchanged for a new one."""

_DISCOVERY_LIFETIME = 600
_LEEWAY = 60
_ALGORITHMS = frozenset({"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "EdDSA", "Ed25519"})
_TROUBLE = frozenset({"server_error", "temporarily_unavailable"})


class ProviderUnreachable(Exception):  # noqa: N818 - a state of the world, not a mistake.
    """The provider did not answer, or not in a way that can be used; trying again may help."""


class LoginRefused(Exception):  # noqa: N818 - an answer, not a mistake.
    """The provider said no, or what it said did not stand up to examination. `reason` is a code word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Registration(msgspec.Struct, frozen=True):
    """A client of a realm, as the provider knows it. `callback` is a path of the bank."""

    realm: str
    client_id: str
    callback: str

    @property
    def name(self) -> str:
        """The registration's name: of its secret's file, and of its logins in a session."""
        return f"{self.realm}.{self.client_id}"

    @property
    def secret_file(self) -> str:
        """The name of the file that holds the client's secret."""
        return f"{self.realm}_{self.client_id}"


class Login(msgspec.Struct, frozen=True):
    """What the provider gave one application of the bank about one customer. Times are epoch seconds."""

    id_token: str
    id_claims: dict[str, object]
    userinfo: dict[str, object]
    access_token: str
    refresh_token: str | None
    scope: str
    obtained_at: float
    expires_at: float | None
    refreshes: int = 0

    @property
    def subject(self) -> str:
        """The customer's identifier at the provider, unique in the realm."""
        return str(self.id_claims["sub"])

    @property
    def customer(self) -> str:
        """The customer's name as a person reads it."""
        both = self.id_claims | self.userinfo
        return str(both.get("name") or both.get("preferred_username") or self.subject)

    def about_to_expire(self, now: float) -> bool:
        """Whether it is time to refresh the access token, and there is something to refresh it with."""
        if self.expires_at is None or self.refresh_token is None:
            return False
        return self.expires_at - now < ABOUT_TO_EXPIRE


class RelyingParty:
    """One application of the bank towards one realm of the provider."""

    def __init__(self, registration: Registration, *, settings: Settings, clock: Clock) -> None:
        self.registration = registration
        self._settings = settings
        self._clock = clock
        self._issuer = settings.issuer(registration.realm)
        self._client: StarletteOAuth2App = OAuth().register(
            registration.name,
            client_id=registration.client_id,
            server_metadata_url=f"{self._issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": SCOPE,
                "code_challenge_method": "S256",
                "timeout": 5.0,
                "verify": _trusted_authorities(),
                # A developer's HTTP_PROXY must not swallow the way to this same machine.
                "trust_env": not settings.idp_is_local,
            },
        )

    async def begin(self, request: Request, *, ui_locales: str) -> Response:
        """Send the browser to the provider; state, nonce and PKCE verifier wait in the session."""
        with _speaking():
            await self._discover_anew()
            response: Response = await self._client.authorize_redirect(
                request, self._settings.bank_url + self.registration.callback, ui_locales=ui_locales
            )
        return response

    async def finish(self, request: Request) -> Login:
        """Turn the provider's answer into a login.

        Raises:
            LoginRefused: the answer is an error, is not ours, or does not stand up to examination.
            ProviderUnreachable: the code could not be exchanged.

        """
        with _speaking():
            metadata = await self._discover()
            await self._examine_answer(request, metadata)
            token = await self._client.authorize_access_token(
                request, claims_options=self._claims_options(), leeway=_LEEWAY
            )
            if "userinfo" not in token:
                raise LoginRefused("no_id_token")  # OIDC Core §3.1.3.3: without it nobody is logged in.
            userinfo = await self._userinfo(token, subject=token["userinfo"]["sub"])
        return Login(
            id_token=token["id_token"],
            id_claims=dict(token["userinfo"]),
            userinfo=userinfo,
            access_token=token["access_token"],
            refresh_token=token.get("refresh_token"),
            scope=token.get("scope", ""),
            obtained_at=self._clock(),
            expires_at=token.get("expires_at"),
        )

    async def refresh(self, login: Login) -> Login:
        """Exchange the refresh token; the answer may hold a new one, which replaces the old (rotation).

        Raises:
            LoginRefused: the provider has ended the login.
            ProviderUnreachable: it could not be asked; the login is as good as it was.

        """
        if login.refresh_token is None:
            raise LoginRefused("no_refresh_token")
        with _speaking():
            await self._discover()
            # RFC 6749 §6: no scope is sent, which asks for the same as before.
            token = await self._client.fetch_access_token(
                grant_type="refresh_token", refresh_token=login.refresh_token, scope=""
            )
            id_claims = await self._refreshed_claims(token, login)
        return msgspec.structs.replace(
            login,
            id_token=token.get("id_token") or login.id_token,
            id_claims=id_claims,
            access_token=token["access_token"],
            refresh_token=token.get("refresh_token") or login.refresh_token,
            obtained_at=self._clock(),
            expires_at=token.get("expires_at"),
            refreshes=login.refreshes + 1,
        )

    async def leave(self, request: Request, login: Login, *, ui_locales: str) -> Response:
        """Send the browser to the provider's end of session (OIDC RP-Initiated Logout §2), and back to us."""
        with _speaking():
            await self._discover_anew()
            response: Response = await self._client.logout_redirect(
                request,
                post_logout_redirect_uri=f"{self._settings.bank_url}/",
                id_token_hint=login.id_token,
                client_id=self.registration.client_id,
                ui_locales=ui_locales,
            )
        response.status_code = 303  # After a POST, the way on is a GET (RFC 9110 §15.4.4).
        return response

    async def has_left(self, request: Request) -> bool:
        """Whether this request is the return from a logout that this browser began here; true once."""
        try:
            await self._client.validate_logout_response(request)
        except OAuthError:
            return False
        return True

    async def _discover_anew(self) -> Mapping[str, object]:
        """Before the browser is sent away: a provider that is down must be our page, not the browser's error."""
        self._client.server_metadata = {}
        return await self._discover()

    async def _discover(self) -> Mapping[str, object]:
        """Discovery, loaded when first needed and again after a while; the secret, read each time."""
        self._client.client_secret = self._secret()
        loaded = self._client.server_metadata.get("_loaded_at")
        if loaded is not None and self._clock() - loaded > _DISCOVERY_LIFETIME:
            self._client.server_metadata = {}
        metadata: dict[str, object] = await self._client.load_server_metadata()
        if metadata.get("issuer") != self._issuer:
            # OIDC Discovery §4.3: else one provider could speak in another's name.
            self._client.server_metadata = {}
            raise ProviderUnreachable("discovery names another issuer")
        offered = metadata.get("id_token_signing_alg_values_supported")
        if isinstance(offered, list):
            # Never `none`, never an HMAC keyed with something public, whatever the document says.
            metadata["id_token_signing_alg_values_supported"] = [alg for alg in offered if alg in _ALGORITHMS]
        return metadata

    def _secret(self) -> str:
        """Read each time, so that a rotated secret needs no restart."""
        path = self._settings.secrets / self.registration.secret_file
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError:
            raise ProviderUnreachable(f"the client secret {self.registration.secret_file} cannot be read") from None

    async def _examine_answer(self, request: Request, metadata: Mapping[str, object]) -> None:
        """What stands in the callback's query, before any of it is believed."""
        query = request.query_params
        if len(query.multi_items()) != len(query):
            raise LoginRefused("repeated_parameter")  # RFC 6749 §3.1.
        state = query.get("state")
        if await self._client.framework.get_state_data(request.session, state) is None:
            raise LoginRefused("mismatching_state")  # An error without our state is not the provider's word.
        issuer = query.get("iss")
        expected = metadata.get("authorization_response_iss_parameter_supported") is True
        if (expected or issuer is not None) and issuer != self._issuer:
            await self._client.framework.clear_state_data(request.session, state)
            raise LoginRefused("wrong_issuer")  # RFC 9207 §2.4: a mix-up attack, errors included.
        if "error" in query or "code" not in query:
            await self._client.framework.clear_state_data(request.session, state)
            raise LoginRefused(query.get("error", "no_code"))

    def _claims_options(self) -> dict[str, dict[str, object]]:
        # Authlib checks `aud` only when told to (OIDC Core §3.1.3.7, 2 and 3).
        return {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self.registration.client_id},
        }

    async def _userinfo(self, token: Mapping[str, object], *, subject: str) -> dict[str, object]:
        # The access token alone: given the rest, Authlib would refresh a short-lived one by itself and lose the new
        # refresh token, and the next use of the old one would look like theft (RFC 9700 §4.14.2).
        access = {"access_token": token["access_token"], "token_type": "Bearer"}
        userinfo = dict(await self._client.userinfo(token=access))
        if userinfo.get("sub") != subject:
            raise LoginRefused("userinfo_of_another")  # OIDC Core §5.3.2: tokens must not be mixed.
        return userinfo

    async def _refreshed_claims(self, token: Mapping[str, object], login: Login) -> dict[str, object]:
        """The claims of a refreshed ID token, which must be about the same login (OIDC Core §12.2)."""
        if "id_token" not in token:
            return login.id_claims
        claims = dict(
            await self._client.parse_id_token(token, nonce=None, claims_options=self._claims_options(), leeway=_LEEWAY)
        )
        changed = [name for name in ("auth_time", "nonce") if claims.get(name) not in {None, login.id_claims.get(name)}]
        if claims.get("sub") != login.subject or changed:
            raise LoginRefused("id_token_of_another")
        return claims


@functools.cache
def _trusted_authorities() -> object:
    """Loaded once: Authlib opens a new HTTP client for every call, and this is what that costs most."""
    return create_ssl_context()


@contextlib.contextmanager
def _speaking() -> Iterator[None]:
    """Every way in which a conversation with the provider fails, as one of two exceptions without secrets."""
    try:
        yield
    except OAuthError as refused:
        if refused.error in _TROUBLE:
            raise ProviderUnreachable(refused.error) from None
        raise LoginRefused(str(refused.error)) from None
    except JoseError as broken:
        raise LoginRefused(f"id_token_{broken.error}") from None
    except HTTPError as silent:
        raise ProviderUnreachable(type(silent).__name__) from None
    except (ValueError, KeyError, TypeError, RuntimeError) as strange:
        raise ProviderUnreachable(f"unusable answer: {type(strange).__name__}") from None
