"""A picture as Mermaid text, for pages that draw it themselves (a wiki, a code host)."""

from __future__ import annotations

from collections.abc import Iterator

from idp.assurance.pictures.blocks import Block, Card, End, Nothing, Picture, Series, Split

_STYLES = (
    "classDef required stroke:#13262b,stroke-width:2px,fill:#fff,color:#13262b",
    "classDef alternative stroke:#13262b,stroke-dasharray:7 4,fill:#fff,color:#13262b",
    "classDef question stroke:#7a4a00,fill:#fdf6e3,color:#13262b",
    "classDef ending stroke:#17643a,stroke-width:2px,fill:#e8f3ec,color:#13262b",
    "classDef way stroke:#a3161d,stroke-width:4px",
)
# What Mermaid would take for its own signs, as the entities of its own (https://mermaid.js.org/syntax/flowchart.html).
_ENTITIES = {c: f"#{ord(c)};" for c in '"#;<>`&[]{}()|\\'}

Loose = list[tuple[str, str]]
"""Lines that wait for what comes next: from which block, and with which label."""


def mermaid(picture: Picture) -> str:
    """Return the text of a flowchart."""
    return "\n".join(("flowchart TD", *_lines(picture))) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield f'  start(["{_text(picture.start)}"])'
    lines: list[str] = []
    loose = _drawn(picture.flow, [("start", "")], lines)
    yield from lines
    assert not loose, "every way of a flow ends"
    if picture.after:
        said = [_text(picture.after_title), *(f"{n}. {_text(a)}" for n, a in enumerate(picture.after, start=1))]
        yield f'  after["{"<br/>".join(said)}"]'
    yield from (f"  {style}" for style in _STYLES)
    if picture.proof is not None and picture.proof.blocks:
        yield f"  class {','.join(sorted(picture.proof.blocks & _seen(picture.flow)))} way"
        yield f'  proof["{"<br/>".join(map(_text, (picture.proof.title, *picture.proof.legend)))}"]'


def _seen(block: Block) -> frozenset[str]:
    match block:
        case Series():
            return frozenset().union(*map(_seen, block.blocks))
        case Split():
            return frozenset({block.id}).union(*(_seen(branch.block) for branch in block.branches))
        case Nothing():
            return frozenset()
        case _:
            return frozenset({block.id})


def _drawn(block: Block, loose: Loose, lines: list[str]) -> Loose:
    """Write a block and the lines into it; return those that leave it."""
    match block:
        case Series():
            for inner in block.blocks:
                loose = _drawn(inner, loose, lines)
            return loose
        case Nothing():
            return loose
        case Card():
            said = [block.requirement, f"<b>{_text(block.title)}</b>", _text(block.authenticator)]
            said += [_text(line.text) for line in block.lines]
            shape = ("(", ")") if block.optional else ("[", "]")
            style = "alternative" if block.optional else "required"
            _node(block.id, "<br/>".join(said), shape, style, loose, lines)
            return [] if block.ends else [(block.id, "")]
        case End():
            said = [f"<b>{_text(o.worth)}</b><br/>{_text(o.evidence)}" for o in block.outcomes]
            _node(block.id, "<br/>".join(said), ("([", "])"), "ending", loose, lines)
            return []
        case Split():
            shape = ("{", "}") if block.is_question else ("{{", "}}")
            style = "question" if block.is_question else "alternative"
            _node(block.id, _text(block.title), shape, style, loose, lines)
            leaving: Loose = []
            for branch in block.branches:
                leaving += _drawn(branch.block, [(block.id, branch.label)], lines)
            return leaving


def _node(name: str, said: str, shape: tuple[str, str], style: str, loose: Loose, lines: list[str]) -> None:
    lines.append(f'  {name}{shape[0]}"{said}"{shape[1]}:::{style}')
    for before, label in loose:
        lines.append(f'  {before} -->|"{_text(label)}"| {name}' if label else f"  {before} --> {name}")


def _text(text: str) -> str:
    return "".join(_ENTITIES.get(c, c) for c in text)
