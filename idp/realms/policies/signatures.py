"""Executors about signatures: which algorithms a client and its tokens may have (FAPI 2.0 Security Profile §5.4.1)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from idp.model.client import SigningAlgorithm
from idp.model.clients.rules import SECURE_ALGORITHMS, ClientRules
from idp.realms.policies.configuration import Configuration
from idp.realms.policies.executor import Executor, Violation, with_attribute
from idp.realms.representation import realm as file

SIGNATURES = "secure-signature-algorithm"
_OURS = ("id.token.signed.response.alg", "access.token.signed.response.alg", "authorization.signed.response.alg")
"""Signed by us in any case: an absent one would mean the realm's default, which may be RS256."""
_ASSERTION = "token.endpoint.auth.signing.alg"
_JUDGED = (
    *_OURS,
    "user.info.response.signature.alg",
    "introspection.signed.response.alg",
    "request.object.signature.alg",
    _ASSERTION,
)
_BACKCHANNEL = "ciba.backchannel.auth.request.signing.alg"
_BY_ASSERTION = frozenset({"client-jwt", "client-secret-jwt"})


def chosen_algorithm(configuration: Configuration) -> SigningAlgorithm:
    """Return the signature for whatever of a client has none registered; one that is not permitted is not taken."""
    named = configuration.text("default-algorithm")
    return next((algorithm for algorithm in SECURE_ALGORITHMS if algorithm == named), SECURE_ALGORITHMS[0])


def _with_defaults(client: file.Client, configuration: Configuration) -> file.Client:
    absent = {name: chosen_algorithm(configuration) for name in _OURS if not client.attributes.get(name)}
    return replace(client, attributes={**client.attributes, **absent})


def _judged(names: tuple[str, ...], client: file.Client) -> Iterator[Violation]:
    for name in names:
        algorithm = client.attributes.get(name, "")
        if algorithm not in {"", "any", *SECURE_ALGORITHMS}:
            yield Violation(
                place=f"/attributes/{name}",
                problem=f"“{algorithm}” is not a signature that the profile permits.",
                repair=f"Use one of: {', '.join(SECURE_ALGORITHMS)}.",
            )


def _signatures(client: file.Client, _configuration: Configuration) -> Iterator[Violation]:
    yield from _judged(_JUDGED, client)


def _assertions(client: file.Client, configuration: Configuration) -> Iterator[Violation]:
    if configuration.flag("require-client-assertion") and client.client_authenticator_type not in _BY_ASSERTION:
        problem = "The client does not authenticate by an assertion."
        yield Violation(place="/clientAuthenticatorType", problem=problem, repair="Use client-jwt.")
    yield from _judged((_ASSERTION,), client)


def _secure(rules: ClientRules, _configuration: Configuration) -> ClientRules:
    return replace(rules, algorithms=SECURE_ALGORITHMS)


def _backchannel_default(client: file.Client, configuration: Configuration) -> file.Client:
    if client.attributes.get(_BACKCHANNEL):
        return client
    return with_attribute(client, _BACKCHANNEL, chosen_algorithm(configuration))


def _backchannel(client: file.Client, _configuration: Configuration) -> Iterator[Violation]:
    yield from _judged((_BACKCHANNEL,), client)


EXECUTORS = {
    SIGNATURES: Executor(configured=_with_defaults, violations=_signatures, demanded=_secure),
    "secure-signature-algorithm-signed-jwt": Executor(violations=_assertions, demanded=_secure),
    "secure-ciba-req-sig-algorithm": Executor(
        configured=_backchannel_default, violations=_backchannel, demanded=_secure
    ),
}
