"""A client under rules → the same client, where fields of its own can say what the rules demand."""

from __future__ import annotations

from msgspec.structs import replace

from idp.model.client import Client
from idp.model.clients.request_object import RequestObjectRules
from idp.model.clients.rules import ClientRules


def tightened(client: Client, rules: ClientRules) -> Client:
    """Return the client with its rules, and with what they say of its request objects."""
    return replace(client, rules=rules, request_objects=_request_objects(client.request_objects, rules))


def _request_objects(own: RequestObjectRules, rules: ClientRules) -> RequestObjectRules:
    signed = tuple(algorithm for algorithm in own.algorithms if rules.permits(algorithm))
    return replace(
        own,
        algorithms=signed,
        dated=own.dated or rules.longest_request is not None,
        encrypted=own.encrypted or rules.encrypted_requests,
    )
