"""What an executor of a client profile is, and the two ways in which most of them work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from msgspec.structs import fields, replace

from idp.model.clients.rules import ClientRules
from idp.model.struct import Frozen
from idp.realms.policies.configuration import Configuration
from idp.realms.representation import realm as file


class Violation(Frozen, frozen=True, kw_only=True):
    """What a policy finds wrong with a client; `place` is a JSON pointer below the client.

    `code` is the error with which a registration is refused (RFC 7591 §3.2.2).
    """

    place: str
    problem: str
    repair: str
    code: Literal["invalid_client_metadata", "invalid_redirect_uri"] = "invalid_client_metadata"


Configure = Callable[[file.Client, Configuration], file.Client]
Judge = Callable[[file.Client, Configuration], Iterator[Violation]]
Demand = Callable[[ClientRules, Configuration], ClientRules]


def _as_it_is(client: file.Client, _configuration: Configuration) -> file.Client:
    return client


def _nothing_wrong(_client: file.Client, _configuration: Configuration) -> Iterator[Violation]:
    return iter(())


def _nothing_more(rules: ClientRules, _configuration: Configuration) -> ClientRules:
    return rules


class Executor(Frozen, frozen=True, kw_only=True):
    """A rule of a profile: what it makes of a client, what it refuses, what it demands where the client is used.

    Without `effect` it is known and does nothing here.
    """

    configured: Configure = _as_it_is
    violations: Judge = _nothing_wrong
    demanded: Demand = _nothing_more
    effect: bool = True


def with_attribute(client: file.Client, name: str, value: str) -> file.Client:
    """Return the client with an attribute set."""
    return replace(client, attributes={**client.attributes, name: value})


def attribute_executor(attribute: str, value: str, problem: str) -> Executor:
    """Return an executor that wants an attribute to have a value, and sets it where `auto-configure` is on."""

    def configured(client: file.Client, configuration: Configuration) -> file.Client:
        return with_attribute(client, attribute, value) if configuration.flag("auto-configure") else client

    def violations(client: file.Client, _configuration: Configuration) -> Iterator[Violation]:
        if client.attributes.get(attribute) != value:
            yield Violation(place=f"/attributes/{attribute}", problem=problem, repair=f"Set {value}.")

    return Executor(configured=configured, violations=violations)


def switch_executor(field: str, *, on: bool, problem: str) -> Executor:
    """Return an executor that wants a switch of the client on or off, and turns it where `auto-configure` is on."""
    name = next(one.encode_name for one in fields(file.Client) if one.name == field)

    def configured(client: file.Client, configuration: Configuration) -> file.Client:
        return replace(client, **{field: on}) if configuration.flag("auto-configure") else client

    def violations(client: file.Client, _configuration: Configuration) -> Iterator[Violation]:
        if getattr(client, field) is not on:
            yield Violation(place=f"/{name}", problem=problem, repair=f"Set {str(on).lower()}.")

    return Executor(configured=configured, violations=violations)
