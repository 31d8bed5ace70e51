"""Device authorization and CIBA in a realm file: Keycloak's switches of a client, and the realm's times → model."""

from __future__ import annotations

from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS, PublicKeyAlgorithm
from idp.model.finding import Finding
from idp.model.pending import BackchannelRules, DeliveryMode, DeviceRules, PendingPolicy
from idp.realms.representation import realm as file
from idp.realms.values import error, one_of, seconds, whole_number

DEVICE = "oauth2.device.authorization.grant.enabled"
CIBA = "oidc.ciba.grant.enabled"
DELIVERY = "ciba.backchannel.token.delivery.mode"
NOTIFICATION = "ciba.backchannel.client.notification.endpoint"
SIGNING = "ciba.backchannel.auth.request.signing.alg"
REQUESTS_PER_HOUR = "hyrja.cibaRequestsPerHour"
_DELIVERY_OF_REALM = "cibaBackchannelTokenDeliveryMode"
_USER_HINT = "cibaAuthRequestedUserHint"
_LONGEST = 3600  # seconds that anything may wait to be decided
_MOST_REQUESTS = 999_999


def device_rules(client: file.Client, pointer: str, findings: list[Finding]) -> DeviceRules:
    """Return what a client may do with the device grant (RFC 8628)."""
    attributes = client.attributes
    return DeviceRules(
        enabled=attributes.get(DEVICE) == "true",
        code_lifespan=seconds(attributes, "oauth2.device.code.lifespan", pointer, findings),
        polling_interval=seconds(attributes, "oauth2.device.polling.interval", pointer, findings),
    )


def backchannel_rules(
    found: file.Realm, client: file.Client, pointer: str, findings: list[Finding]
) -> BackchannelRules:
    """Return what a client has registered about CIBA (Core §4); what it leaves out is the realm's."""
    attributes, place = client.attributes, f"{pointer}/attributes"
    enabled = attributes.get(CIBA) == "true"
    mode, where = attributes.get(DELIVERY), f"{place}/{DELIVERY}"
    if not mode:
        mode, where = found.attributes.get(_DELIVERY_OF_REALM) or "poll", f"/attributes/{_DELIVERY_OF_REALM}"
    return BackchannelRules(
        enabled=enabled,
        delivery=_delivery(mode, where, findings) if enabled else "poll",
        notification_endpoint=attributes.get(NOTIFICATION, ""),
        algorithm=_algorithm(attributes.get(SIGNING, ""), f"{place}/{SIGNING}", findings) if enabled else None,
    )


def pending_policy(found: file.Realm, findings: list[Finding]) -> PendingPolicy:
    """Return the realm's times. A key at the top wins over the attribute of the same name, as in Keycloak."""
    default, attributes = PendingPolicy(), dict(found.attributes)
    for key, value in (
        ("oauth2DeviceCodeLifespan", found.oauth2_device_code_lifespan),
        ("oauth2DevicePollingInterval", found.oauth2_device_polling_interval),
    ):
        if value is not None:
            attributes[key] = str(value)

    def read(key: str, otherwise: int) -> int:
        place = f"/attributes/{key}"
        return whole_number(attributes.get(key, ""), otherwise, place, findings, rule="R-PENDING", most=_LONGEST)

    hint = attributes.get(_USER_HINT) or "login_hint"
    one_of(hint, ("login_hint", "id_token_hint"), f"/attributes/{_USER_HINT}", findings)
    return PendingPolicy(
        device_lifespan=read("oauth2DeviceCodeLifespan", default.device_lifespan),
        device_interval=read("oauth2DevicePollingInterval", default.device_interval),
        backchannel_lifespan=read("cibaExpiresIn", default.backchannel_lifespan),
        backchannel_interval=read("cibaInterval", default.backchannel_interval),
        requests_per_hour=whole_number(
            attributes.get(REQUESTS_PER_HOUR, ""),
            default.requests_per_hour,
            f"/attributes/{REQUESTS_PER_HOUR}",
            findings,
            rule="R-PENDING",
            most=_MOST_REQUESTS,
            unit="requests",
        ),
    )


def _delivery(mode: str, pointer: str, findings: list[Finding]) -> DeliveryMode:
    modes: tuple[DeliveryMode, ...] = ("poll", "ping")
    for known in modes:
        if known == mode:
            return known
    problem = f"“{mode}” is not offered: tokens are fetched, never pushed (FAPI-CIBA §5.2.2)."
    findings.append(error("C-CIBA-MODE", pointer, problem, "Use one of: poll, ping."))
    return "poll"


def _algorithm(written: str, pointer: str, findings: list[Finding]) -> PublicKeyAlgorithm | None:
    return one_of(written, PUBLIC_KEY_ALGORITHMS, pointer, findings) if written not in {"", "any"} else None
