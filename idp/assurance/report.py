"""A proof as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from idp.assurance.prover import DELIVERY, Ceremony, MinimalSet, Proof, new_access

_FEW = 3


def told(proof: Proof) -> str:
    """Return what a proof found, the worst first."""
    return "\n".join(_lines(proof)) + "\n"


def compared(live: Proof, draft: Proof) -> str:
    """Return whether a draft gives access that the live realm does not, and to whom."""
    new = new_access(live, draft)
    if not new:
        return "The draft gives no new access.\n"
    lines = ["The draft gives NEW ACCESS:"]
    for one in new:
        lines += _set_lines(one)
    return "\n".join(lines) + "\n"


def _lines(proof: Proof) -> Iterator[str]:
    yield f"Realm {proof.realm}, version {proof.version}"
    yield f"{proof.customers} kinds of customers, {proof.states} states explored"
    for path in proof.unsound:
        yield f"UNSOUND  flow “{path.flow}” passes without evidence: {' → '.join(path.steps)}"
    for acr in proof.unreachable:
        yield f"note     acr “{acr}” cannot be reached by any customer"
    for one in sorted(proof.sets, key=lambda found: (not found.weakness, found.level)):
        yield ""
        yield from _set_lines(one)
    yield ""
    yield "Tokens:"
    yield from _issues(proof)
    yield ""
    yield "Assumed:"
    yield from (f"  - {assumption}" for assumption in proof.assumptions)
    yield ""
    yield _verdict(proof)


def _issues(proof: Proof) -> Iterator[str]:
    """Yield a line for each kind of grant, with the clients that have it."""
    clients: dict[tuple[str, str, str], list[str]] = {}
    for one in proof.issues:
        clients.setdefault((one.grant, one.rests_on, one.acr), []).append(one.client)
    for (grant, rests_on, acr), names in clients.items():
        most = f", at most acr “{acr}”" if acr else ""
        yield f"  - {grant}: on {rests_on}{most} ({', '.join(names)})"


def _verdict(proof: Proof) -> str:
    if not proof.holds:
        return "PROOF FAILED: a level is reached by less than it promises."
    if proof.weak:
        return "Proved, but for what the bank has acknowledged: see above."
    return "Proved: every way to every acr takes what the acr promises."


def _set_lines(one: MinimalSet) -> Iterator[str]:
    mark = "ok" if not one.weakness else "ACKNOWLEDGED" if one.acknowledged else "WEAK"
    yield f"{mark}  acr “{one.acr}” (level {one.level}) takes: {_elements(one)}"
    if one.weakness:
        yield f"    {one.weakness}"
    more = f" and {len(one.customers) - _FEW} more" if len(one.customers) > _FEW else ""
    yield f"    against: {'; '.join(one.customers[:_FEW])}{more}"
    for number, ceremony in enumerate(one.script, start=1):
        yield f"    {number}. {_ceremony(ceremony)}"


def _elements(one: MinimalSet) -> str:
    words = [f"{e.name} ({e.category}, over {e.channel})" for e in one.elements]
    return " + ".join(words) if words else "nothing"


def _ceremony(ceremony: Ceremony) -> str:
    gives = ", ".join(ceremony.gives)
    if ceremony.kind == DELIVERY:
        return f"{', '.join(ceremony.proven)}: the first password is sent there; gives {gives}"
    where = f"; where {'; '.join(ceremony.assumes)}" if ceremony.assumes else ""
    return f"{ceremony.kind} “{ceremony.flow}”: {' → '.join(ceremony.steps)}{where}; gives {gives}"
