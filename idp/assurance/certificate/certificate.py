"""A proof as a document that somebody else can check: every state, what follows each, and the verdict.

The certificate is content-addressed (`id` is the digest of the rest) and bound to the realm file by its digest. Nothing
in it is to be believed: `checker`, which shares no line with the prover, compiles the flows of the realm file again,
derives what follows each state by rules of its own, and compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from idp.assurance.ceremonies import Explored, State
from idp.assurance.certificate import checker
from idp.assurance.certificate.checker import FORMAT, digest
from idp.assurance.certificate.vocabulary import NotCertifiableError, described, vocabulary
from idp.assurance.credentials import CREDENTIALS
from idp.assurance.customers import Customer
from idp.assurance.prover import Proved
from idp.flows.assembly import AssembledRealm, action_id
from idp.flows.step import Authenticator
from idp.flows.tree import leaves
from idp.model.flow_kind import FlowKind
from idp.model.user import User


def certificate(proved: Proved, document: Any) -> dict[str, Any]:
    """Return the certificate of a proof; `document` is the realm file, parsed, with its users.

    Raises:
        NotCertifiableError: a step of the realm behaves in a way that no contract says, the file is of an older shape,
            or the realm is unsound.

    """
    assembled, realm = proved.assembled, proved.assembled.realm
    if FlowKind.FIRST_BROKER_LOGIN.value in realm.bindings:
        # What follows the word of another house is explored by the prover alone.
        raise NotCertifiableError("the realm has identity providers, whose first logins the checker does not follow")
    words = vocabulary()
    customers = sorted((_customer(customer), customer.name) for customer in proved.customers)
    numbers = {name: number for number, (_, name) in enumerate(customers)}
    _check_contracts(assembled, words)
    content = {
        "format": FORMAT,
        "realm": realm.name,
        "version": realm.version,
        "file": digest(document),
        "vocabulary": words,
        "customers": [customer for customer, _ in customers],
        "ceremonies": [_ceremony(explored) for explored in proved.ceremonies.known()],
        "sets": [
            {
                "level": one.level,
                "holding": sorted(one.names),
                "against": sorted(numbers[name] for name in one.customers),
                "weak": bool(one.weakness),
            }
            for one in proved.proof.sets
        ],
        "sound": not proved.proof.unsound,
    }
    made = {"id": digest(content), **content}
    _check(made, document)
    return made


def _check(made: dict[str, Any], document: Any) -> None:
    """Refuse to hand out what its reader would refuse: the file may have a shape that the checker cannot read."""
    try:
        checker.check(json.loads(json.dumps(made)), document, digest(made["vocabulary"]))
    except (checker.WrongError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise NotCertifiableError(f"the checker does not follow: {type(error).__name__}: {error}") from error


def _check_contracts(assembled: AssembledRealm, words: dict[str, Any]) -> None:
    """Refuse a realm in which a step behaves otherwise than its published contract says, by its configuration."""
    for name, step in _named(assembled):
        published = words["steps"].get(name) or words["actions"][name]
        if any(published[key] != value for key, value in described(step).items()):
            raise NotCertifiableError(f"{name} behaves otherwise here than its contract says")


def _named(assembled: AssembledRealm) -> Iterator[tuple[str, Authenticator]]:
    for flow in assembled.flows.values():
        yield from ((leaf.authenticator, assembled.step(leaf.id)) for leaf in leaves(flow.root))
    for alias in _actions(assembled):
        yield alias, assembled.step(action_id(alias))


def _actions(assembled: AssembledRealm) -> list[str]:
    return [s.alias for s in assembled.realm.required_actions if assembled.knows_action(s.alias)]


def _customer(customer: Customer) -> list[Any]:
    return [profile(customer.user), customer.delivered_by or ""]


def profile(user: User) -> list[Any]:
    """Return what a customer has: whether the password is a first one, the factors, the actions that are asked for."""
    temporary = user.password is not None and user.password.temporary
    held = sorted(name for name, known in CREDENTIALS.items() if known.held(user))
    return [temporary, held, sorted(user.required_actions)]


def _ceremony(explored: Explored) -> dict[str, Any]:
    first = explored.visited[0]
    return {
        "kind": first.session.kind.value,
        "flow": first.session.flow,
        "states": [_state(state) for state in explored.visited],
        "next": [sorted(numbers) for numbers in explored.following],
    }


def _state(state: State) -> list[Any]:
    session = state.session
    return [
        sorted((key, status.value) for key, status in session.progress.items()),
        session.user_id is not None,
        sorted(set(session.actions)),
        profile(state.user),
        sorted({(e.execution, e.factor) for e in session.evidence}),
        sorted(state.needs),
        sorted(state.made),
        sorted(state.world.items()),
    ]
