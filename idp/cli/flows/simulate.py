"""`idp flow simulate FILE`: what a login would do, decision by decision, with nothing sent, counted or stored."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from idp.app import Outside
from idp.assurance.credentials import CREDENTIALS, given
from idp.assurance.simulator import NoFlowError, Simulation, Visitor, first_difference, simulate
from idp.assurance.untouched import no_services
from idp.cli.explain import events_of
from idp.cli.realms.files import read_realm
from idp.cli.terminal import printable
from idp.flows.assembly import AssembledRealm, UnusableRealmError
from idp.model.event import Event
from idp.model.flow_kind import FlowKind
from idp.model.realm import Realm
from idp.model.user import User
from idp.opening.beside import store_beside
from idp.ports import StoreUnavailableError
from idp.realms.loading import RealmUnreadableError
from idp.settings.loading import SettingsError, load
from idp.stores.memory import MemoryKernel
from idp.stores.records import KernelStore

# What people say for what a step calls by the name of its factor.
_ALIASES = {"phone": "sms-otp", "sms": "sms-otp", "token": "otp", "totp": "otp", "passkey": "webauthn-passwordless"}
_USER_ID = "simulated"


class NothingToSimulateError(Exception):
    """What was asked for is not there; the text says what is."""


def simulated(arguments: argparse.Namespace) -> int:
    """Print what happens; return 1 if the login is refused or a draft does something else, 2 if there is nothing."""
    try:
        one, other = asyncio.run(_both(arguments))
    except (
        RealmUnreadableError,
        UnusableRealmError,
        NothingToSimulateError,
        NoFlowError,
        SettingsError,
        StoreUnavailableError,
    ) as error:
        sys.stderr.write(printable(f"idp: nothing to simulate: {error}\n"))
        return 2
    parted = first_difference(one, other) if other is not None else None
    if arguments.json:
        document = {"live": one, "draft": other, "first_difference": parted}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
    else:
        sys.stdout.write(printable("\n".join(_told(one, other, parted)) + "\n"))
    return int(bool((other or one).refused) or parted is not None)


async def _both(arguments: argparse.Namespace) -> tuple[Simulation, Simulation | None]:
    live = _assembled(read_realm(arguments.file).realm)
    visitor = await _visitor(live.realm, arguments)
    one = await simulate(live, visitor)
    if arguments.draft is None:
        return one, None
    draft = _assembled(read_realm(arguments.draft).realm)
    return one, await simulate(draft, _at(draft.realm, visitor))


def _assembled(realm: Realm) -> AssembledRealm:
    """Put a realm together whose steps see empty stores in memory, and have nothing to send with."""
    outside = Outside()
    stores = KernelStore(MemoryKernel(outside.clock), outside.clock).realm(realm.name)
    nothing = no_services()
    kept = {name: getattr(stores, name) for name in nothing.__struct_fields__ if hasattr(stores, name)}
    return AssembledRealm(realm, replace(nothing, **kept, random=outside.random, code_key=bytes(32)))


async def _visitor(realm: Realm, asked: argparse.Namespace) -> Visitor:
    events = await _login(asked)
    client_id = asked.client or next((event.client_id for event in events if event.client_id), None)
    client = realm.client(client_id) if client_id is not None else None
    if client_id is not None and client is None:
        known = ", ".join(sorted(realm.clients))
        raise NothingToSimulateError(f"there is no client “{client_id}”; there are: {known}.")
    details = [event.detail for event in events]
    acr_values = asked.acr or next((d["acr_values"] for d in details if d.get("acr_values")), "")
    answers = asked.answers.replace(",", " ").split() or _answers_of(details)
    return Visitor(
        user=await _user(realm, asked, events),
        kind=FlowKind(asked.kind),
        client=client,
        acr_values=tuple(acr_values.split()),
        scope=tuple(asked.scope.split()),
        answers=tuple(answers),
        now=int(Outside().clock()),
    )


async def _login(asked: argparse.Namespace) -> Sequence[Event]:
    """Return the events of a past login, if one was named."""
    if asked.login is None:
        return ()
    if asked.config is None:
        raise NothingToSimulateError("--login needs --config, which says where the events are.")
    events = await events_of(load(asked.config, environment=os.environ), asked.login)
    if not events:
        raise NothingToSimulateError(f"nothing is known of the login {asked.login}.")
    return events


def _answers_of(details: Sequence[dict[str, str]]) -> list[str]:
    """Return how a past login was answered: the way that was chosen each time, and what failed."""
    path = next((detail["path"] for detail in reversed(details) if detail.get("path")), "")
    answers: list[str] = []
    for step in path.split():
        name, _, status = step.partition(":")
        match status:
            case "":
                answers.append(name)
            case "attempted":
                answers.append("fail")
            case _:
                pass  # set up later: nobody was asked
    return answers


async def _user(realm: Realm, asked: argparse.Namespace, events: Sequence[Event]) -> User:
    """Return the customer: somebody of the store, or one who has what was said and nothing else."""
    if asked.config is None:
        return _synthetic(asked)
    user_id = next((event.user_id for event in events if event.user_id), None)
    settings, clock = load(asked.config, environment=os.environ), Outside().clock
    async with store_beside(settings, clock=clock) as store:
        stores = store.realm(realm.name)
        by_name = await stores.users.by_username(asked.user) if asked.user else None
        user = by_name or (await stores.users.by_id(user_id) if user_id is not None else None)
        if user is None:
            raise NothingToSimulateError(f"the store has no user “{asked.user or user_id}” in realm {realm.name}.")
        locks = await stores.attempts.locks(user.id)
    if not user.enabled or any(lock.locked(int(clock())) for lock in locks.factors.values()):
        raise NothingToSimulateError(f"{user.username} is disabled or locked: every login is refused.")
    return user


def _synthetic(asked: argparse.Namespace) -> User:
    name = asked.user or "customer"
    attributes: dict[str, tuple[str, ...]] = {}
    for attribute in asked.attribute:
        key, _, value = attribute.partition("=")
        attributes[key] = (*attributes.get(key, ()), value)
    user = User(
        id=_USER_ID,
        username=name,
        created_at=0,
        attributes=attributes,
        realm_roles=tuple(asked.role),
        required_actions=tuple(asked.action_due),
    )
    for thing in asked.has.replace(",", " ").split():
        factor = _ALIASES.get(thing, thing)
        if factor not in CREDENTIALS:
            known = ", ".join(sorted({*CREDENTIALS, *_ALIASES}))
            raise NothingToSimulateError(f"nobody can have “{thing}”; there are: {known}.")
        user = given(user, factor)
    return user


def _at(realm: Realm, visitor: Visitor) -> Visitor:
    """Return the visitor with the client as a draft has it."""
    client = realm.client(visitor.client.client_id) if visitor.client is not None else None
    if visitor.client is not None and client is None:
        raise NothingToSimulateError(f"the draft has no client “{visitor.client.client_id}”.")
    return replace(visitor, client=client)


def _told(one: Simulation, other: Simulation | None, parted: tuple[str, str] | None) -> Iterator[str]:
    if other is None:
        yield from _lines(one)
        return
    yield "Live:"
    yield from _lines(one)
    yield ""
    yield "Draft:"
    yield from _lines(other)
    yield ""
    if parted is None:
        yield "The draft does the same for this login."
    else:
        yield "First difference:"
        yield f"  live:  {parted[0]}"
        yield f"  draft: {parted[1]}"


def _lines(simulation: Simulation) -> Iterator[str]:
    yield f"Flow “{simulation.flow}”"
    for number, turn in enumerate(simulation.turns, start=1):
        others = f" (or, by another way: {', '.join(turn.others)})" if turn.others else ""
        page = f", page {turn.page}" if turn.page else ""
        yield f"{number}. asks {turn.asks}{others}{page}"
        for one in turn.considered:
            kind = "condition" if one.condition else one.requirement
            seen = f"  [{', '.join(f'{name}: {value}' for name, value in one.inputs.items())}]" if one.inputs else ""
            yield f"     “{one.within}” {one.authenticator} ({kind}): {one.answer}{seen}"
        proven = ", ".join(turn.proven) or "nothing"
        yield f"   proven so far: {proven} (level {turn.level})"
        yield f"   {turn.did}"
    yield f"End: {simulation.end}"
