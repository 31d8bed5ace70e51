"""A proof as one page for an auditor: the verdict first, then what is weak, with pictures; to be printed and kept.

The same file gives the same page, byte for byte: there is no time in it.
"""

from __future__ import annotations

from idp import __version__
from idp.assurance.pictures.blocks import Picture
from idp.assurance.pictures.proved import with_path, with_set
from idp.assurance.pictures.reading import read
from idp.assurance.pictures.svg import PAGE, PHONE, svg
from idp.assurance.prover import DELIVERY, Ceremony, MinimalSet, Proof, Proved, new_access
from idp.cli.reports.paper import template
from idp.flows.assembly import AssembledRealm
from idp.model.flow_kind import FlowKind
from idp.model.struct import Frozen
from idp.web.flow_words import FlowWords

# A word and a shape for each: colour alone tells nothing to many readers and to every printer (WCAG 2.2, 1.4.1).
MARKS = {
    "weak": ("Weak", "■", "error"),
    "acknowledged": ("Acknowledged", "◆", "acknowledged"),
    "new": ("New access", "▲", "warning"),
    "ok": ("Holds", "✓", "starts"),
}
_SIZES = {"page": PAGE, "phone": PHONE}


class Row(Frozen, frozen=True, kw_only=True):
    """One minimal set: `mark` is a key of `MARKS`, `pictures` are those of its ceremonies by place in the script."""

    number: int
    found: MinimalSet
    mark: str
    pictures: dict[int, dict[str, str]]


def proof_text(proved: Proved, live: Proof | None = None) -> str:
    """Return the page; `live` is the proof of the realm that `proved` is to replace, if it is a draft."""
    proof, words = proved.proof, FlowWords("en")
    new = new_access(live, proof) if live is not None else ()
    drawn = {flow: _picture(proved.assembled, kind, flow, words) for kind, flow in proved.ceremonies.bound()}
    order = {"weak": 0, "new": 1, "acknowledged": 2, "ok": 3}
    marked = sorted(((_mark(one, new), one) for one in proof.sets), key=lambda m: (order[m[0]], -m[1].level))
    rows = [
        Row(number=number, found=one, mark=mark, pictures=_pictures(one, drawn, words) if mark != "ok" else {})
        for number, (mark, one) in enumerate(marked, start=1)
    ]
    unsound = [(path, _written(with_path(drawn[path.flow], path, words), words)) for path in proof.unsound]
    return template("proof.html").render(
        proof=proof,
        rows=rows,
        unsound=unsound,
        flows={flow: _written(picture, words) for flow, picture in drawn.items()},
        marks=MARKS,
        is_draft=live is not None,
        new=new,
        words=words,
        steps=lambda ceremony: _steps(ceremony, words),
        delivery=DELIVERY,
        version=__version__,
    )


def _mark(one: MinimalSet, new: tuple[MinimalSet, ...]) -> str:
    if one.weakness:
        return "acknowledged" if one.acknowledged else "weak"
    return "new" if any((one.level, one.names) == (other.level, other.names) for other in new) else "ok"


def _pictures(one: MinimalSet, drawn: dict[str, Picture], words: FlowWords) -> dict[int, dict[str, str]]:
    """Draw each ceremony of a script."""
    return {
        position: _written(with_set(drawn[ceremony.flow], one, position, words), words)
        for position, ceremony in enumerate(one.script)
        if ceremony.flow in drawn
    }


def _picture(assembled: AssembledRealm, kind: FlowKind, flow: str, words: FlowWords) -> Picture:
    is_realms = assembled.realm.bindings.get(kind.value) == flow
    overriding = (c.client_id for c in assembled.realm.every_client if flow in c.flow_bindings.values())
    client = "" if is_realms else next(overriding, "")
    return read(assembled, assembled.flows[flow], words, kind=kind, client=client)


def _written(picture: Picture, words: FlowWords) -> dict[str, str]:
    return {size: svg(picture, words, room=room) for size, room in _SIZES.items()}


def _steps(ceremony: Ceremony, words: FlowWords) -> str:
    return " → ".join(words.step(step.removesuffix(" ✗")) + (" ✗" if " ✗" in step else "") for step in ceremony.steps)
