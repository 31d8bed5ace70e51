"""Conditions about the request: its scope, its level of authentication, the network that it comes from."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from idp.flows.condition import Surroundings
from idp.flows.facts import NETWORK_ADDRESS, REQUEST_LEVEL, REQUEST_SCOPE, Facts
from idp.flows.tree import Subflow
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.realms.values import listed


class ScopeConfig(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`client_scope` names the scope; `negate` turns the answer round."""

    scope: str = msgspec.field(name="client_scope")
    negate: bool = False


class ClientScope:
    """`conditional-client-scope`: the scope is asked for, or is one that the client always gets."""

    needs_user: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({REQUEST_SCOPE})
    config_type: ClassVar[type[ScopeConfig]] = ScopeConfig

    def __init__(self, config: ScopeConfig, *, surroundings: Surroundings) -> None:
        del surroundings
        self._config = config

    @staticmethod
    def missing(config: ScopeConfig, realm: Realm) -> str | None:
        """Return what the condition names and the realm does not have."""
        return None if config.scope in realm.client_scopes else f"the client scope “{config.scope}”"

    def holds(self, facts: Facts, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this request."""
        del guarded
        return self._config.negate != (self._config.scope in facts.scope)


class LevelConfig(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The level that the sub-flow gives, and for how many seconds of a user session it lasts; 0: for one login."""

    level: Annotated[int, Meta(ge=0, le=1000)] = msgspec.field(name="loa-condition-level")
    max_age: Annotated[int, Meta(ge=0, le=10**9)] = msgspec.field(name="loa-max-age", default=36000)


class LevelOfAuthentication:
    """`conditional-level-of-authentication`: the request asks for this level, or it is the lowest of its flow.

    Who has proven it before is not asked again (`idp.flows.strength.carried`); that is not the condition's business.
    """

    needs_user: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({REQUEST_LEVEL})
    config_type: ClassVar[type[LevelConfig]] = LevelConfig

    def __init__(self, config: LevelConfig, *, surroundings: Surroundings) -> None:
        self._always = config.level <= surroundings.lowest_level
        self._level = config.level

    @staticmethod
    def missing(config: LevelConfig, realm: Realm) -> None:
        """Return nothing: it names nothing of the realm."""
        del config, realm

    def holds(self, facts: Facts, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this request."""
        del guarded
        return self._always or facts.level >= self._level


class AddressConfig(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ip-ranges` are networks, joined by `##`; with `exclude` the address must be in none of them."""

    ranges: str = msgspec.field(name="ip-ranges")
    exclude: bool = False

    def __post_init__(self) -> None:
        """Refuse a network that is none."""
        if not self.networks:
            raise ValueError("ip-ranges names no network")

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks, by prefix length or netmask."""
        return tuple(ip_network(text.strip(), strict=False) for text in listed(self.ranges) if text.strip())


class NetworkAddress:
    """`conditional-client-ip-address`: the browser comes from one of the networks.

    Behind a proxy the address is the one that a trusted proxy names (`docs/operations.md`). One that cannot be read is
    in no network.
    """

    needs_user: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({NETWORK_ADDRESS})
    config_type: ClassVar[type[AddressConfig]] = AddressConfig

    def __init__(self, config: AddressConfig, *, surroundings: Surroundings) -> None:
        del surroundings
        self._networks = config.networks
        self._exclude = config.exclude

    @staticmethod
    def missing(config: AddressConfig, realm: Realm) -> None:
        """Return nothing: it names nothing of the realm."""
        del config, realm

    def holds(self, facts: Facts, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this request."""
        del guarded
        address = _address(facts.address)
        return self._exclude != any(address in network for network in self._networks if address is not None)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # ::ffff:192.0.2.1 is 192.0.2.1 come by another way: a rule about a network must not depend on that.
    return getattr(address, "ipv4_mapped", None) or address
