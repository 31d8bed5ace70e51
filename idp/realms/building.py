"""Representation → model: Keycloak's fields become typed values with one meaning each."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from idp.model.client import SigningAlgorithm
from idp.model.clients.rules import NO_RULES
from idp.model.finding import Finding
from idp.model.flow import Flow, FlowExecution, RequiredActionSetting
from idp.model.flow_kind import BINDINGS, FlowKind
from idp.model.policies.credentials import BruteForcePolicy, Lifespans, OtpAlgorithm, OtpPolicy
from idp.model.realm import Realm
from idp.realms.clients.authentication_flow import accepted_authenticators, unaccepted_findings
from idp.realms.clients.building import client_of, has_switch
from idp.realms.clients.pending import pending_policy
from idp.realms.files.placeholders import Surroundings
from idp.realms.policies.compiling import policies_of
from idp.realms.policies.governing import governed_of_file
from idp.realms.policies.tightening import tightened
from idp.realms.representation import realm as file
from idp.realms.stock import stock_actions, with_stock_configuration, with_stock_flows
from idp.realms.tokens.access import with_access
from idp.realms.tokens.acr import acr_levels
from idp.realms.tokens.authorization_details import authorization_details_types
from idp.realms.topics import password_policy
from idp.realms.topics.assertion_issuers import assertion_issuers
from idp.realms.topics.mail import smtp_server
from idp.realms.topics.registration import registration_rules
from idp.realms.topics.sms_policy import sms_policy
from idp.realms.topics.upstreams import upstreams
from idp.realms.topics.webauthn import webauthn_policy
from idp.realms.users.profile import user_profile
from idp.realms.values import error, one_of, seconds

LOCALES = ("sq", "en", "it")
SOFT_TOKEN_FLOW_ATTRIBUTE = BINDINGS[FlowKind.SOFT_TOKEN_REGISTRATION].realm_key


def realm_of(found: file.Realm, *, version: str, surroundings: Surroundings, findings: list[Finding]) -> Realm:
    """Build the realm; what cannot be understood is a finding and gets a safe value."""
    rules, problems = password_policy.parsed(found.password_policy)
    findings.extend(error("R-PASSWORD-POLICY", "/passwordPolicy", problem, "Mend the rule.") for problem in problems)
    flows = with_stock_flows(
        {flow.alias: _flow(flow, position) for position, flow in enumerate(found.authentication_flows)}
    )
    accepted = accepted_authenticators(found, flows, findings)
    policies = policies_of(found, findings)
    found, demands = governed_of_file(found, policies, findings)
    findings.extend(unaccepted_findings(found, accepted))
    realm = Realm(
        name=found.realm,
        version=version,
        display_name=found.display_name,
        enabled=found.enabled,
        default_locale=_default_locale(found),
        locales=tuple(locale for locale in found.supported_locales if locale in LOCALES) or LOCALES,
        texts=found.localization_texts,
        login_with_email=found.login_with_email_allowed,
        duplicate_emails=found.duplicate_emails_allowed,
        email_as_username=found.registration_email_as_username,
        verify_email=found.verify_email,
        default_signature_algorithm=one_of(
            found.default_signature_algorithm, get_args(SigningAlgorithm), "/defaultSignatureAlgorithm", findings
        )
        or "ES256",
        rotate_refresh_tokens=found.revoke_refresh_token,
        refresh_token_max_reuse=found.refresh_token_max_reuse,
        lifespans=_lifespans(found, findings),
        pending=pending_policy(found, findings),
        profile=user_profile(found, findings),
        password_policy=rules,
        otp_policy=OtpPolicy(
            algorithm=one_of(found.otp_policy_algorithm, get_args(OtpAlgorithm), "/otpPolicyAlgorithm", findings)
            or "HmacSHA1",
            digits=found.otp_policy_digits,
            period=found.otp_policy_period,
            look_ahead_window=max(0, found.otp_policy_look_ahead_window),
            kind="hotp" if found.otp_policy_type == "hotp" else "totp",
            initial_counter=max(0, found.otp_policy_initial_counter),
        ),
        webauthn=webauthn_policy(found, findings),
        webauthn_passwordless=webauthn_policy(found, findings, passwordless=True),
        brute_force=_brute_force(found, findings),
        sms=sms_policy(found.attributes, findings),
        acr_levels=acr_levels(found.attributes, "", findings),
        bindings=_bindings(found),
        flows=flows,
        authenticator_config=with_stock_configuration(
            {config.alias: config.config for config in found.authenticator_config}
        ),
        required_actions=_actions(found),
        clients={
            client.client_id: tightened(
                client_of(found, client, position, surroundings, findings), demands.get(client.client_id, NO_RULES)
            )
            for position, client in enumerate(found.clients)
        },
        client_authenticators=accepted,
        client_policies=policies,
        registration=registration_rules(found, findings),
        assertion_issuers=assertion_issuers(found, findings),
        upstreams=upstreams(found, surroundings.vault, findings),
        attributes=found.attributes,
        mail_server=smtp_server(found, surroundings.vault, findings),
        authorization_details_types=authorization_details_types(found.attributes, findings),
    )
    return with_access(_with_used_bindings(realm), found, findings)


def _with_used_bindings(realm: Realm) -> Realm:
    """Bind no flow for who comes from another provider where there is none that is usable: nobody ever begins it."""
    kind = FlowKind.FIRST_BROKER_LOGIN.value
    if realm.upstreams:
        return realm
    return msgspec.structs.replace(realm, bindings={k: alias for k, alias in realm.bindings.items() if k != kind})


def _default_locale(found: file.Realm) -> str:
    return found.default_locale if found.default_locale in LOCALES else LOCALES[0]


def _lifespans(found: file.Realm, findings: list[Finding]) -> Lifespans:
    user_link = found.action_token_generated_by_user_lifespan
    return Lifespans(
        access_token=found.access_token_lifespan,
        implicit_access_token=found.access_token_lifespan_for_implicit_flow,
        access_code=found.access_code_lifespan,
        pushed_request=_pushed_request(found, findings),
        login=found.access_code_lifespan_login,
        user_action=found.access_code_lifespan_user_action,
        sso_idle=found.sso_session_idle_timeout,
        sso_max=found.sso_session_max_lifespan,
        offline_idle=found.offline_session_idle_timeout,
        # As at an import into Keycloak: before there was a time of its own for links, this one was theirs.
        user_link=found.access_code_lifespan_user_action if user_link is None else user_link,
        links=_link_lifespans(found, findings),
        offline_max=found.offline_session_max_lifespan if found.offline_session_max_lifespan_enabled else None,
    )


def _link_lifespans(found: file.Realm, findings: list[Finding]) -> dict[str, int]:
    """Read Keycloak's attributes `actionTokenGeneratedByUserLifespan.<type>`."""
    prefix = "actionTokenGeneratedByUserLifespan."
    written = {key: seconds(found.attributes, key, "", findings) for key in found.attributes if key.startswith(prefix)}
    return {key.removeprefix(prefix): max(1, value) for key, value in written.items() if value is not None}


def _pushed_request(found: file.Realm, findings: list[Finding]) -> int:
    """Read Keycloak's `parRequestUriLifespan`, an attribute."""
    key = "parRequestUriLifespan"
    written = seconds(found.attributes, key, "", findings)
    default = Lifespans().pushed_request
    return default if written is None else max(1, written)


def _brute_force(found: file.Realm, findings: list[Finding]) -> BruteForcePolicy:
    strategies: tuple[Literal["MULTIPLE", "LINEAR"], ...] = ("MULTIPLE", "LINEAR")
    return BruteForcePolicy(
        protected=found.brute_force_protected,
        failure_factor=max(1, found.failure_factor),
        wait_increment=found.wait_increment_seconds,
        max_failure_wait=found.max_failure_wait_seconds,
        max_delta_time=found.max_delta_time_seconds,
        quick_login_check=max(0, found.quick_login_check_milli_seconds),
        minimum_quick_login_wait=max(0, found.minimum_quick_login_wait_seconds),
        max_secondary_failures=max(0, found.max_secondary_auth_failures),
        permanent_lockout=found.permanent_lockout,
        max_temporary_lockouts=found.max_temporary_lockouts,
        strategy=one_of(found.brute_force_strategy, strategies, "/bruteForceStrategy", findings) or "MULTIPLE",
    )


def _bindings(found: file.Realm) -> dict[str, str]:
    """Return which flow runs for each kind, as far as the realm has switched it on."""
    written = {field.encode_name: getattr(found, field.name) for field in msgspec.structs.fields(found)}
    bound: dict[str, str] = {}
    for kind, binding in BINDINGS.items():
        place = found.attributes if binding.in_attributes else written
        alias = place.get(binding.realm_key) or binding.default
        used = not binding.client_switch or any(has_switch(client, binding.client_switch) for client in found.clients)
        if alias and used and (not binding.switch or written[binding.switch]):
            bound[kind.value] = alias
    return bound


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
                authenticator=line.authenticator,
                flow_alias=line.flow_alias,
                config_alias=line.authenticator_config,
                pointer=f"{pointer}/authenticationExecutions/{number}",
            )
            for number, line in enumerate(flow.authentication_executions)
        ),
    )


def _actions(found: file.Realm) -> tuple[RequiredActionSetting, ...]:
    if found.required_actions is None:
        return stock_actions()
    return tuple(_action(action, position) for position, action in enumerate(found.required_actions))


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
