"""Identity providers of a realm file that log people in: Keycloak's `oidc` and `keycloak-oidc` → model.

One that cannot be trusted or reached is left out with a finding: nobody is offered it, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from idp.crypto.public_keys import KeyRefusedError, read_key_set
from idp.model.clients.assertion import KeySource, SecretMethod
from idp.model.finding import Finding
from idp.model.trusted.upstream import MapperKind, UpstreamMapper, UpstreamProvider
from idp.realms.addresses import Reach, reach
from idp.realms.files.placeholders import Vault
from idp.realms.files.secrets import UnknownSecret, secret_of
from idp.realms.representation import realm as file
from idp.realms.values import warning

PROVIDERS = frozenset({"oidc", "keycloak-oidc"})
_RULE = "R-IDENTITY-PROVIDER"
_ADDRESSES = ("authorizationUrl", "tokenUrl")
_MAPPERS: dict[str, MapperKind] = {
    "oidc-user-attribute-idp-mapper": "attribute",
    "hardcoded-attribute-idp-mapper": "hardcoded-attribute",
    "oidc-role-idp-mapper": "role",
    "oidc-hardcoded-role-idp-mapper": "hardcoded-role",
    "oidc-username-idp-mapper": "username",
}


def upstreams(found: file.Realm, vault: Vault, findings: list[Finding]) -> dict[str, UpstreamProvider]:
    """Return the providers that people may log in at, by alias."""
    usable: dict[str, UpstreamProvider] = {}
    for position, provider in enumerate(found.identity_providers):
        if provider.provider_id not in PROVIDERS or not provider.enabled:
            continue
        pointer = f"/identityProviders/{position}"
        made = _upstream(found, provider, pointer, vault, findings)
        if made is not None:
            usable[provider.alias] = made
    _strange_mappers(found, usable, findings)
    return usable


def _upstream(
    found: file.Realm, provider: file.IdentityProvider, pointer: str, vault: Vault, findings: list[Finding]
) -> UpstreamProvider | None:
    config, place = provider.config, f"{pointer}/config"
    problems = list(_problems(config, place))
    secret = secret_of(found.realm, config.get("clientSecret", ""), vault)
    if isinstance(secret, UnknownSecret):
        problems.append(warning(_RULE, f"{place}/clientSecret", secret.problem, secret.repair))
    findings.extend(problems)
    if problems or isinstance(secret, UnknownSecret):
        return None
    if provider.store_token:
        problem = "The upstream's tokens are not kept."
        findings.append(warning(_RULE, f"{pointer}/storeToken", problem, "Let the application ask there itself."))
    if config.get("postBrokerLoginFlowAlias") or provider.post_broker_login_flow_alias:
        problem = "No flow runs after a login at this provider."
        place_of = f"{pointer}/postBrokerLoginFlowAlias"
        findings.append(
            warning(_RULE, place_of, problem, "Ask for more in the login's own flow, behind the redirector.")
        )
    by_address = config.get("useJwksUrl", "true") == "true"
    return UpstreamProvider(
        alias=provider.alias,
        display_name=provider.display_name,
        issuer=config["issuer"],
        authorization_url=config["authorizationUrl"],
        token_url=config["tokenUrl"],
        keys=KeySource(jwks_url=config["jwksUrl"])
        if by_address
        else KeySource(jwks=config.get("publicKeySignatureVerifier", "")),
        client_id=config["clientId"],
        client_secret=secret,
        secret_method=_method(config),
        scope=tuple(dict.fromkeys(("openid", *config.get("defaultScope", "").split()))),
        prompt="" if config.get("prompt", "") in {"", "unspecified"} else config["prompt"],
        passes_login_hint=config.get("loginHint") == "true",
        hidden=provider.hide_on_login or config.get("hideOnLoginPage") == "true",
        order=int(config["guiOrder"]) if config.get("guiOrder", "").isdecimal() else 0,
        trusts_email=provider.trust_email,
        link_only=provider.link_only,
        first_login_flow=provider.first_broker_login_flow_alias,
        mappers=tuple(_mappers(found, provider)),
    )


def _problems(config: dict[str, str], place: str) -> Iterator[Finding]:
    """Yield what keeps people from being sent there, or the answer from being believed."""
    for name in ("issuer", "clientId"):
        if not config.get(name):
            yield warning(
                _RULE, f"{place}/{name}", f"“{name}” is missing.", "Write it; nobody is offered the provider."
            )
    addresses = (*_ADDRESSES, "jwksUrl") if config.get("useJwksUrl", "true") == "true" else _ADDRESSES
    for name in addresses:
        if reach(config.get(name, "")) is Reach.NOWHERE:
            problem = f"“{name}” is not the https address of an endpoint."
            yield warning(_RULE, f"{place}/{name}", problem, "Write it; nobody is offered the provider.")
    if config.get("validateSignature", "true") != "true":
        problem = "Signatures of the provider's tokens would not be checked."
        yield warning(_RULE, f"{place}/validateSignature", problem, "Set true; nobody is offered the provider.")
    if config.get("clientAuthMethod", "client_secret_post") not in get_args(SecretMethod):
        problem = f"This provider cannot prove itself there by “{config['clientAuthMethod']}”."
        yield warning(_RULE, f"{place}/clientAuthMethod", problem, f"Use one of: {', '.join(get_args(SecretMethod))}.")
    if config.get("useJwksUrl", "true") != "true":
        try:
            read_key_set(config.get("publicKeySignatureVerifier", "").encode())
        except KeyRefusedError as refused:
            place_of = f"{place}/publicKeySignatureVerifier"
            yield warning(_RULE, place_of, f"The keys cannot be read: {refused}.", "Write a JWK set.")


def _method(config: dict[str, str]) -> SecretMethod:
    written = config.get("clientAuthMethod")
    return "client_secret_basic" if written == "client_secret_basic" else "client_secret_post"


def _mappers(found: file.Realm, provider: file.IdentityProvider) -> Iterator[UpstreamMapper]:
    by_default = provider.config.get("syncMode", "IMPORT")
    for mapper in found.identity_provider_mappers:
        kind = _MAPPERS.get(mapper.identity_provider_mapper)
        if mapper.identity_provider_alias != provider.alias or kind is None:
            continue
        config = mapper.config
        mode = config.get("syncMode", "INHERIT")
        yield UpstreamMapper(
            name=mapper.name,
            kind=kind,
            claim=config.get("claim", ""),
            value=config.get("claim.value", config.get("attribute.value", config.get("template", ""))),
            target=config.get("user.attribute", config.get("attribute", config.get("role", ""))),
            every_time=(by_default if mode == "INHERIT" else mode) == "FORCE",
        )


def _strange_mappers(found: file.Realm, usable: dict[str, UpstreamProvider], findings: list[Finding]) -> None:
    for position, mapper in enumerate(found.identity_provider_mappers):
        known = mapper.identity_provider_mapper in _MAPPERS
        if mapper.identity_provider_alias in usable and not known:
            pointer = f"/identityProviderMappers/{position}"
            problem = f"There is no mapper “{mapper.identity_provider_mapper}” here: nothing is taken over by it."
            findings.append(warning("R-UPSTREAM-MAPPER", pointer, problem, f"Use one of: {', '.join(_MAPPERS)}."))
