"""Logins on their way to an upstream provider and back: which one, from which place, and what counts then. Pure."""

from __future__ import annotations

import msgspec

from idp.flows.assembly import AssembledRealm
from idp.flows.brokering.upstream import FACTOR
from idp.flows.compiler import CompiledFlow
from idp.flows.turns import Ask
from idp.model.flow import Evidence, Status
from idp.model.flow_kind import FlowKind
from idp.model.oauth import AuthorizationRequest
from idp.model.session import AuthenticationSession
from idp.model.trusted.upstream import Arrival

_DEFAULT = "defaultProvider"


def sent_by(assembled: AssembledRealm, flow: CompiledFlow, request: AuthorizationRequest | None) -> tuple[str, str]:
    """Return to which provider a login leads at once, and from where: by the client's hint, or by the flow itself."""
    place, known = flow.redirector(), assembled.realm.upstreams
    if place is None or request is None:
        return "", ""
    alias = request.idp_hint if request.idp_hint in known else place.config.get(_DEFAULT, "")
    return (alias, place.id) if alias in known else ("", "")


def sent_to(assembled: AssembledRealm, session: AuthenticationSession, alias: str) -> AuthenticationSession | None:
    """Return the login on its way to a provider; None if its flow does not lead there."""
    flow = assembled.flows.get(session.flow)
    place = flow.redirector() if flow is not None else None
    if alias not in assembled.realm.upstreams or place is None or session.kind is not FlowKind.BROWSER:
        return None
    progress = {key: status for key, status in session.progress.items() if key != place.id}
    return msgspec.structs.replace(
        session,
        upstream=alias,
        visiting=place.id,
        chosen=place.id,
        selecting=None,
        sent_away=False,
        progress=progress,
    )


def gone_away(session: AuthenticationSession, ask: Ask) -> AuthenticationSession:
    """Write down whether the person is on their way."""
    return msgspec.structs.replace(session, sent_away=ask.execution.id == session.visiting)


def back_from(assembled: AssembledRealm, session: AuthenticationSession) -> AuthenticationSession:
    """Offer the ways of the flow again to who went away by their own choice, and came back without an answer."""
    flow = assembled.flows.get(session.flow)
    place = flow.redirector() if flow is not None else None
    if not session.sent_away or place is None or place.config.get(_DEFAULT) == session.upstream:
        return session
    return msgspec.structs.replace(session, upstream="", visiting="", chosen=None, sent_away=False)


def arrived(fresh: AuthenticationSession, session: AuthenticationSession, came: Arrival) -> AuthenticationSession:
    """Return the login that goes on after the first broker login `session`: what was proven elsewhere is proven here.

    What was proven for the linking is not carried along: it was asked for that alone.
    """
    proof = Evidence(
        execution=came.execution,
        factor=FACTOR.name,
        category=FACTOR.category,
        channel=FACTOR.channel,
        amr=FACTOR.amr,
        at=came.at,
        ceremony=fresh.tab_id,
    )
    return msgspec.structs.replace(
        fresh,
        user_id=session.user_id,
        attempted_username=session.attempted_username,
        progress={came.execution: Status.SUCCESS},
        evidence=(proof,),
        visiting=came.execution,
        upstream=came.identity.alias,
    )
