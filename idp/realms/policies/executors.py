"""The executors of client profiles, by Keycloak's names.

Where a client's own setting can say what an executor wants, the executor says it there, so that whoever uses the client
needs to know no policy; `ClientRules` has the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from idp.model.clients.rules import ClientRules
from idp.realms.clients.keys import AUDIENCE
from idp.realms.policies import addresses, signatures
from idp.realms.policies.configuration import Configuration
from idp.realms.policies.executor import (
    Executor,
    Violation,
    attribute_executor,
    switch_executor,
    with_attribute,
)
from idp.realms.representation import realm as file

_AUTHENTICATOR = "/clientAuthenticatorType"
_REQUEST_REQUIRED = "request.object.required"
_REQUEST_ALGORITHM = "request.object.signature.alg"
_AN_HOUR = 3600
_LONGEST_PUSHED = 599  # FAPI 2.0 Security Profile §5.3.2.2 (12): less than 600
_LONGEST_CODE = 60  # FAPI 2.0 Security Profile §5.3.2.1 (11)


def _confidential(client: file.Client, _configuration: Configuration) -> Iterator[Violation]:
    if client.public_client or client.bearer_only:
        yield Violation(
            place="/publicClient" if client.public_client else "/bearerOnly",
            problem="The client is not confidential.",
            repair="Set false, and let it authenticate.",
        )


def _authenticators(client: file.Client, configuration: Configuration) -> Iterator[Violation]:
    allowed = configuration.words("allowed-client-authenticators")
    if not client.public_client and client.client_authenticator_type not in allowed:
        problem = f"“{client.client_authenticator_type}” is not a way to authenticate that the profile permits."
        yield Violation(place=_AUTHENTICATOR, problem=problem, repair=f"Use one of: {', '.join(allowed)}.")


def _issuer_alone(client: file.Client, _configuration: Configuration) -> file.Client:
    return with_attribute(client, AUDIENCE, "issuer")  # FAPI 2.0 Security Profile §5.3.2.1 (8), whatever the realm says


def _must_be_pushed(client: file.Client, _configuration: Configuration) -> file.Client:
    return with_attribute(client, "require.pushed.authorization.requests", "true")


def _short_lives(rules: ClientRules, _configuration: Configuration) -> ClientRules:
    return replace(rules, longest_code=_LONGEST_CODE, longest_pushed=_LONGEST_PUSHED)


def _signed_request(client: file.Client, _configuration: Configuration) -> file.Client:
    if client.attributes.get(_REQUEST_REQUIRED, "not required") != "not required":
        return client
    return with_attribute(client, _REQUEST_REQUIRED, "request or request_uri")


def _unsigned_request(client: file.Client, _configuration: Configuration) -> Iterator[Violation]:
    if client.attributes.get(_REQUEST_ALGORITHM) == "none":
        problem = "The client registered request objects without a signature."
        yield Violation(place=f"/attributes/{_REQUEST_ALGORITHM}", problem=problem, repair="Set PS256 or ES256.")


def _request_object(rules: ClientRules, configuration: Configuration) -> ClientRules:
    # `verify-nbf` off is not honoured: without `nbf` nothing says how old an object is (FAPI 1.0 Advanced §5.2.2 (17)).
    longest = configuration.number("available-period", default=_AN_HOUR)
    return replace(
        rules,
        longest_request=min(longest, rules.longest_request or _AN_HOUR, _AN_HOUR),
        encrypted_requests=configuration.flag("encryption-required") or rules.encrypted_requests,
    )


def _protected(rules: ClientRules, configuration: Configuration) -> ClientRules:
    tokens = configuration.flag("allow-token-response-type") and rules.token_answers
    return replace(rules, protected_answers=True, token_answers=tokens, pushed_pkce=True)


def _session_bound(rules: ClientRules, _configuration: Configuration) -> ClientRules:
    return replace(rules, session_bound=True)


def _code_bound(rules: ClientRules, configuration: Configuration) -> ClientRules:
    bound = configuration.flag("enforce-authorization-code-binding-to-dpop")
    return replace(rules, code_bound=rules.code_bound or bound)


def _kept_refresh_token(rules: ClientRules, _configuration: Configuration) -> ClientRules:
    return replace(rules, keeps_refresh_token=True)


def _binding_message(rules: ClientRules, _configuration: Configuration) -> ClientRules:
    return replace(rules, binding_message=True)


def _signed_backchannel(rules: ClientRules, configuration: Configuration) -> ClientRules:
    longest = configuration.number("available-period", default=_AN_HOUR)
    return replace(rules, backchannel_request=min(longest, rules.backchannel_request or longest))


def _front_channel(client: file.Client, configuration: Configuration) -> Iterator[Violation]:
    name = "frontchannel.logout.url"
    if client.attributes.get(name) and not configuration.flag("allow-front-channel-logout"):
        problem = "The client is told of a logout through the browser."
        yield Violation(place=f"/attributes/{name}", problem=problem, repair="Use backchannel.logout.url.")


def _rejected(client: file.Client, _configuration: Configuration) -> file.Client:
    return replace(client, enabled=False)


_BOUND_TO_DPOP = attribute_executor(
    "dpop.bound.access.tokens", "true", "Access tokens are not bound to a DPoP key (RFC 9449)."
)
_DETACHED_SIGNATURE = attribute_executor(
    "id.token.as.detached.signature", "true", "The ID token is not a detached signature (FAPI 1.0 Advanced §5.2.2)."
)

EXECUTORS: dict[str, Executor] = {
    **addresses.EXECUTORS,
    **signatures.EXECUTORS,
    "confidential-client": Executor(violations=_confidential),
    "secure-client-authenticator": Executor(violations=_authenticators),
    "secure-session": Executor(demanded=_session_bound),
    "pkce-enforcer": attribute_executor(
        "pkce.code.challenge.method", "S256", "PKCE with S256 is not required (RFC 9700 §2.1.1)."
    ),
    "secure-par-content": Executor(configured=_must_be_pushed, demanded=_short_lives),
    "secure-request-object": Executor(
        configured=_signed_request, violations=_unsigned_request, demanded=_request_object
    ),
    "secure-response-type": replace(_DETACHED_SIGNATURE, demanded=_protected),
    "holder-of-key-enforcer": attribute_executor(
        "tls.client.certificate.bound.access.tokens",
        "true",
        "Access tokens are not bound to a certificate (RFC 8705 §3).",
    ),
    "dpop-bind-enforcer": replace(_BOUND_TO_DPOP, demanded=_code_bound),
    "consent-required": switch_executor("consent_required", on=True, problem="The customer is not asked for consent."),
    "full-scope-disabled": switch_executor(
        "full_scope_allowed", on=False, problem="Tokens carry every role of the user (RFC 9700 §2.3)."
    ),
    "reject-ropc-grant": switch_executor(
        "direct_access_grants_enabled", on=False, problem="The password grant is switched on (RFC 9700 §2.4)."
    ),
    "reject-implicit-grant": switch_executor(
        "implicit_flow_enabled", on=False, problem="The implicit flow is switched on (RFC 9700 §2.1.2)."
    ),
    "suppress-refresh-token-rotation": Executor(demanded=_kept_refresh_token),
    "use-lightweight-access-token": attribute_executor(
        "client.use.lightweight.access.token.enabled", "true", "Access tokens are not lightweight."
    ),
    "secure-logout": Executor(violations=_front_channel),
    "secure-ciba-session": Executor(demanded=_binding_message),
    "secure-ciba-signed-authn-req": Executor(demanded=_signed_backchannel),
    "reject-request": Executor(configured=_rejected),
    "secure-client-authentication-assertion": Executor(configured=_issuer_alone),
    "saml-avoid-redirect-binding": Executor(),
    "saml-secure-client-uris": Executor(),
    "saml-signature-enforcer": Executor(),
    "auth-flow-enforcer": Executor(effect=False),
    "client-secret-rotation": Executor(effect=False),
    "secret-rotation": Executor(effect=False),
    "intent-client-bind-checker": Executor(effect=False),
    "registration-access-token-rotation-disabled": Executor(effect=False),
}
