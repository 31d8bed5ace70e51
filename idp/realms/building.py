"""Representation → model: Keycloak's fields become typed values with one meaning each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Literal, TypeVar, get_args
from urllib.parse import urlsplit

from idp.model.client import Client, SigningAlgorithm
from idp.model.finding import Finding, Severity
from idp.model.flow import Flow, FlowExecution, RequiredActionSetting, Requirement
from idp.model.policy import BruteForcePolicy, Lifespans, OtpAlgorithm, OtpPolicy
from idp.model.realm import Realm
from idp.model.secret import Secret
from idp.model.session import FlowKind
from idp.realms import password_policy
from idp.realms import representation as file
from idp.realms.access import with_access
from idp.realms.client_keys import assertion_rules, authenticator, key_source
from idp.realms.placeholders import vault_file

LOCALES = ("sq", "en", "it")
SOFT_TOKEN_FLOW_ATTRIBUTE = "hyrja.softTokenRegistrationFlow"  # noqa: S105 - the name of an attribute, not a secret
_PLACEHOLDER = re.compile(r"\$\{vault\.([A-Za-z0-9_.-]+)\}")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,10}")
_MASKED = "**********"  # what Keycloak writes instead of a secret in a partial export
_BUILT_IN_BROWSER = "browser"
T = TypeVar("T", bound=str)


def realm_of(
    found: file.Realm, *, version: str, vault: Callable[[str, str], str | None], findings: list[Finding]
) -> Realm:
    """Build the realm; what cannot be understood is a finding and gets a safe value."""
    rules, problems = password_policy.parsed(found.password_policy)
    findings.extend(_error("R-PASSWORD-POLICY", "/passwordPolicy", problem, "Mend the rule.") for problem in problems)
    flows = {flow.alias: _flow(flow, position) for position, flow in enumerate(found.authentication_flows)}
    if not flows:
        flows = _built_in_flows()
    realm = Realm(
        name=found.realm,
        version=version,
        display_name=found.display_name,
        enabled=found.enabled,
        default_locale=_default_locale(found),
        locales=tuple(locale for locale in found.supported_locales if locale in LOCALES) or LOCALES,
        texts=found.localization_texts,
        login_with_email=found.login_with_email_allowed,
        default_signature_algorithm=_one_of(
            found.default_signature_algorithm, get_args(SigningAlgorithm), "/defaultSignatureAlgorithm", findings
        )
        or "ES256",
        rotate_refresh_tokens=found.revoke_refresh_token,
        refresh_token_max_reuse=found.refresh_token_max_reuse,
        lifespans=_lifespans(found),
        password_policy=rules,
        otp_policy=OtpPolicy(
            algorithm=_one_of(found.otp_policy_algorithm, get_args(OtpAlgorithm), "/otpPolicyAlgorithm", findings)
            or "HmacSHA1",
            digits=found.otp_policy_digits,
            period=found.otp_policy_period,
            look_ahead_window=found.otp_policy_look_ahead_window,
        ),
        brute_force=_brute_force(found, findings),
        acr_levels=_acr_levels(found, findings),
        bindings=_bindings(found),
        flows=flows,
        authenticator_config={config.alias: config.config for config in found.authenticator_config},
        required_actions=tuple(_action(action, position) for position, action in enumerate(found.required_actions)),
        clients={
            client.client_id: _client(found, client, position, vault, findings)
            for position, client in enumerate(found.clients)
        },
        attributes=found.attributes,
    )
    return with_access(realm, found, findings)


def _default_locale(found: file.Realm) -> str:
    return found.default_locale if found.default_locale in LOCALES else LOCALES[0]


def _lifespans(found: file.Realm) -> Lifespans:
    return Lifespans(
        access_token=found.access_token_lifespan,
        access_code=found.access_code_lifespan,
        login=found.access_code_lifespan_login,
        user_action=found.access_code_lifespan_user_action,
        sso_idle=found.sso_session_idle_timeout,
        sso_max=found.sso_session_max_lifespan,
        offline_idle=found.offline_session_idle_timeout,
        offline_max=found.offline_session_max_lifespan if found.offline_session_max_lifespan_enabled else None,
    )


def _brute_force(found: file.Realm, findings: list[Finding]) -> BruteForcePolicy:
    strategies: tuple[Literal["MULTIPLE", "LINEAR"], ...] = ("MULTIPLE", "LINEAR")
    return BruteForcePolicy(
        protected=found.brute_force_protected,
        failure_factor=max(1, found.failure_factor),
        wait_increment=found.wait_increment_seconds,
        max_failure_wait=found.max_failure_wait_seconds,
        max_delta_time=found.max_delta_time_seconds,
        permanent_lockout=found.permanent_lockout,
        max_temporary_lockouts=found.max_temporary_lockouts,
        strategy=_one_of(found.brute_force_strategy, strategies, "/bruteForceStrategy", findings) or "MULTIPLE",
    )


def _acr_levels(found: file.Realm, findings: list[Finding]) -> dict[str, int]:
    """Read Keycloak's `acr.loa.map`: JSON text in an attribute, with numbers that may be text."""
    text = found.attributes.get("acr.loa.map")
    if not text:
        return {}
    try:
        return {str(acr): int(level) for acr, level in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError, OverflowError):
        problem = "acr.loa.map is not the JSON text of an object of numbers."
        findings.append(_error("R-ACR", "/attributes/acr.loa.map", problem, 'Write "{\\"mfa\\": 2}".'))
        return {}


def _bindings(found: file.Realm) -> dict[str, str]:
    bindings = {FlowKind.BROWSER.value: found.browser_flow}
    soft_token = found.attributes.get(SOFT_TOKEN_FLOW_ATTRIBUTE)
    if soft_token:
        # An attribute, because Keycloak refuses a whole file for one top-level key it does not know.
        bindings[FlowKind.SOFT_TOKEN_REGISTRATION.value] = soft_token
    return bindings


def _flow(flow: file.Flow, position: int) -> Flow:
    pointer = f"/authenticationFlows/{position}"
    return Flow(
        alias=flow.alias,
        description=flow.description,
        provider_id=flow.provider_id,
        top_level=flow.top_level,
        built_in=flow.built_in,
        pointer=pointer,
        executions=tuple(
            FlowExecution(
                requirement=line.requirement,
                priority=line.priority,
                authenticator=line.authenticator if line.flow_alias is None else None,
                flow_alias=line.flow_alias,
                config_alias=line.authenticator_config,
                pointer=f"{pointer}/authenticationExecutions/{number}",
            )
            for number, line in enumerate(flow.authentication_executions)
        ),
    )


def _built_in_flows() -> dict[str, Flow]:
    """Return what an absent `authenticationFlows` means: Keycloak's browser login, in its smallest form."""
    conditional = "Browser - Conditional 2FA"
    forms = (
        FlowExecution(requirement=Requirement.REQUIRED, priority=10, authenticator="auth-username-password-form"),
        FlowExecution(requirement=Requirement.CONDITIONAL, priority=20, flow_alias=conditional),
    )
    second = (
        FlowExecution(requirement=Requirement.REQUIRED, priority=10, authenticator="conditional-user-configured"),
        FlowExecution(requirement=Requirement.REQUIRED, priority=20, authenticator="auth-otp-form"),
    )
    top = (
        FlowExecution(requirement=Requirement.ALTERNATIVE, priority=10, authenticator="auth-cookie"),
        FlowExecution(requirement=Requirement.ALTERNATIVE, priority=30, flow_alias="forms"),
    )
    flows = {_BUILT_IN_BROWSER: top, "forms": forms, conditional: second}
    return {
        alias: Flow(alias=alias, built_in=True, top_level=alias == _BUILT_IN_BROWSER, executions=executions)
        for alias, executions in flows.items()
    }


def _action(action: file.RequiredAction, position: int) -> RequiredActionSetting:
    return RequiredActionSetting(
        alias=action.alias,
        name=action.name,
        enabled=action.enabled,
        default_action=action.default_action,
        priority=action.priority,
        config=action.config,
        pointer=f"/requiredActions/{position}",
    )


def _client(
    found: file.Realm,
    client: file.Client,
    position: int,
    vault: Callable[[str, str], str | None],
    findings: list[Finding],
) -> Client:
    pointer = f"/clients/{position}"
    attributes = client.attributes
    algorithms = get_args(SigningAlgorithm)
    return Client(
        client_id=client.client_id,
        name=client.name,
        enabled=client.enabled and client.protocol == "openid-connect" and not client.bearer_only,
        public=client.public_client,
        authentication=authenticator(client, pointer, findings),
        assertion=assertion_rules(client, pointer, findings),
        keys=key_source(client, pointer, findings),
        service_account=client.service_accounts_enabled and not client.public_client,
        secret=_secret(found.realm, client, f"{pointer}/secret", vault, findings),
        redirect_uris=tuple(_absolute(client, uri) for uri in client.redirect_uris),
        post_logout_redirect_uris=_post_logout(client),
        web_origins=_web_origins(client),
        base_url=_absolute(client, client.base_url) if client.base_url else client.root_url,
        standard_flow=client.standard_flow_enabled,
        consent_required=client.consent_required,
        # RFC 9700 §2.1.1: public clients must use PKCE; others where the file says so.
        pkce_required=client.public_client or attributes.get("pkce.code.challenge.method") == "S256",
        use_refresh_tokens=attributes.get("use.refresh.tokens", "true") == "true",
        id_token_algorithm=_algorithm(attributes, "id.token.signed.response.alg", algorithms, pointer, findings),
        access_token_algorithm=_algorithm(
            attributes, "access.token.signed.response.alg", algorithms, pointer, findings
        ),
        access_token_lifespan=_seconds(attributes, "access.token.lifespan", pointer, findings),
        default_acr_values=tuple(v for v in attributes.get("default.acr.values", "").split("##") if v),
        flow_bindings=_overrides(found, client),
    )


def _secret(
    realm: str,
    client: file.Client,
    pointer: str,
    vault: Callable[[str, str], str | None],
    findings: list[Finding],
) -> Secret | None:
    # One who signs with a key needs no secret; exports have one for it all the same, often masked.
    if client.public_client or client.secret is None or client.client_authenticator_type == "client-jwt":
        return None
    if client.secret == _MASKED:
        problem = f"The secret of client “{client.client_id}” is masked in this file."
        findings.append(_error("C-SECRET", pointer, problem, "Put the secret into the vault and write ${vault.name}."))
        return None
    placeholder = _PLACEHOLDER.fullmatch(client.secret)
    if placeholder is None:
        return Secret(client.secret)
    value = vault(realm, placeholder.group(1))
    if value is None:
        problem = f"The vault has no secret “{placeholder.group(1)}” for realm “{realm}”."
        repair = f"Put it into the file {vault_file(realm, placeholder.group(1))} of the vault directory."
        findings.append(_error("C-VAULT", pointer, problem, repair))
        return None
    return Secret(value)


def _absolute(client: file.Client, uri: str) -> str:
    """Return an address with the client's root in front, where it is relative (Keycloak's rule)."""
    return client.root_url.rstrip("/") + uri if uri.startswith("/") and client.root_url else uri


def _post_logout(client: file.Client) -> tuple[str, ...]:
    text = client.attributes.get("post.logout.redirect.uris", "")
    uris: list[str] = []
    for part in text.split("##"):
        if part == "+":
            uris.extend(client.redirect_uris)
        elif part and part != "-":
            uris.append(part)
    return tuple(_absolute(client, uri) for uri in uris)


def _web_origins(client: file.Client) -> tuple[str, ...]:
    """Return exact origins; `+` means those of the redirect addresses, `*` is not honoured (clients.md 1)."""
    origins: list[str] = []
    for origin in client.web_origins:
        if origin == "+":
            origins.extend(_origin(_absolute(client, uri)) for uri in client.redirect_uris)
        elif origin != "*":
            origins.append(origin.rstrip("/"))
    return tuple(dict.fromkeys(origin for origin in origins if origin))


def _origin(uri: str) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""  # no address at all; the rule about redirect addresses says so
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else ""


def _overrides(found: file.Realm, client: file.Client) -> dict[str, str]:
    """Return flow aliases for the flow *ids* that Keycloak keeps here; an unknown id stays, as a finding."""
    aliases = {flow.id: flow.alias for flow in found.authentication_flows if flow.id}
    given = client.authentication_flow_binding_overrides
    return {kind: aliases.get(flow_id, flow_id) for kind, flow_id in given.items() if flow_id and kind == "browser"}


def _algorithm(
    attributes: dict[str, str], key: str, choices: tuple[T, ...], pointer: str, findings: list[Finding]
) -> T | None:
    value = attributes.get(key)
    return _one_of(value, choices, f"{pointer}/attributes/{key}", findings) if value else None


def _seconds(attributes: dict[str, str], key: str, pointer: str, findings: list[Finding]) -> int | None:
    value = attributes.get(key, "")
    if value in {"", "-1"}:
        return None
    if _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    findings.append(_error("C-ATTRIBUTE", f"{pointer}/attributes/{key}", f"{key} is not a number.", "Write seconds."))
    return None


def _one_of(value: str, choices: tuple[T, ...], pointer: str, findings: list[Finding]) -> T | None:
    for choice in choices:
        if choice == value:
            return choice
    findings.append(
        _error("R-VALUE", pointer, f"“{value}” is not supported here.", f"Use one of: {', '.join(choices)}.")
    )
    return None


def _error(rule: str, pointer: str, problem: str, repair: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, pointer=pointer, problem=problem, repair=repair)
