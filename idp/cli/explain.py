"""`idp explain REFERENCE`: from what a customer reads on an error page to the place in the flow and the reason."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

import msgspec

from idp.app import Outside
from idp.cli.reports.explanation import explanation
from idp.cli.terminal import printable
from idp.model.event import Event
from idp.opening.beside import store_beside
from idp.ports import Events, StoreUnavailableError
from idp.settings.loading import SettingsError, load
from idp.settings.tables import Settings

_MOST = 500  # events of one login
_LATELY = 20_000  # newest events in which an application's reference is looked for


def explain(arguments: Namespace) -> int:
    """Print what is known of a reference; return 1 if nothing is."""
    # Somebody read it out or typed it: what stands around it is no part of it.
    reference = arguments.reference.strip().strip(".,;:\"'“”")
    try:
        settings = load(arguments.config, environment=os.environ)
        events = asyncio.run(events_of(settings, reference))
    except (SettingsError, StoreUnavailableError) as error:
        sys.stderr.write(printable(f"idp explain: {error}\n"))
        return 1
    if not events:
        kept = settings.store.events_kept_days
        told = f"Nothing is known of {reference}. Letters count, large and small; events are kept {kept} days."
        sys.stderr.write(printable(f"idp explain: {told}\n"))
        return 1
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(events), indent=2).decode() + "\n")
    else:
        sys.stdout.write(printable(explanation(reference, events)))
    return 0


async def events_of(settings: Settings, reference: str) -> Sequence[Event]:
    """Return the events of a reference in whichever realm it belongs to, the oldest first."""
    async with store_beside(settings, clock=Outside().clock) as store:
        for realm in await store.realms():
            events = store.realm(realm).events
            found = await events.recent(limit=_MOST, transaction_id=reference)
            if not found:
                transaction = await _transaction_of(events, reference)
                found = await events.recent(limit=_MOST, transaction_id=transaction) if transaction else ()
            if found:
                return tuple(reversed(found))
    return ()


async def _transaction_of(events: Events, reference: str) -> str:
    """Return the login that an application's request belonged to, by the reference of its refusal (`X-Reference`)."""
    lately = await events.recent(limit=_LATELY)
    return next((event.transaction_id for event in lately if event.detail.get("reference") == reference), "")
