"""What a proof found, on the picture of a flow: the way that somebody takes with less than the acr promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from idp.assurance.pictures.blocks import Block, Card, Picture, Series, Shown, Split, Words
from idp.assurance.prover import DELIVERY, Ceremony, MinimalSet, Proof

_FAILED = " ✗"

Found = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""The steps that are left, the blocks that were passed, the pages among them."""


def with_proof(picture: Picture, proof: Proof, words: Words) -> Picture:
    """Draw the gravest thing that a proof has found in this flow; or say that nothing was found against the realm."""
    against = [one for one in proof.weak if not one.acknowledged] or list(proof.weak)
    for one in sorted(against, key=lambda found: -found.level):
        for position in range(len(one.script) - 1, -1, -1):
            if one.script[position].flow == picture.title:
                return with_set(picture, one, position, words)
    for path in proof.unsound:
        if path.flow == picture.title:
            return with_path(picture, path, words)
    key = "weak_elsewhere" if against or proof.unsound else "proved"
    return replace(picture, proof=Shown(title=words.say(key), holds=key == "proved"))


def with_path(picture: Picture, path: Ceremony, words: Words) -> Picture:
    """Draw a path that passes without the evidence that carries it."""
    return replace(picture, proof=_shown(picture, path, words.say("unsound"), ()))


def with_set(picture: Picture, one: MinimalSet, position: int, words: Words) -> Picture:
    """Draw one ceremony of the script of a set, and tell the others in the legend."""
    takes = " + ".join(words.evidence(element.name) for element in one.elements) or words.say("nothing_proven")
    key = "takes_acknowledged" if one.acknowledged else "takes_weak" if one.weakness else "takes"
    title = words.say(key, acr=one.acr, level=str(one.level), things=takes)
    legend = [one.weakness] if one.weakness else []
    for number, ceremony in enumerate(one.script, start=1):
        here = f" ({words.say('this_picture')})" if number - 1 == position else ""
        legend.append(f"{number}. {_told(ceremony, words)}{here}")
    return replace(picture, proof=_shown(picture, one.script[position], title, legend, holds=not one.weakness))


def _told(ceremony: Ceremony, words: Words) -> str:
    if ceremony.kind == DELIVERY:
        return words.say("delivery", by=", ".join(map(words.evidence, ceremony.proven)))
    steps = " → ".join(_step(step, words) for step in ceremony.steps)
    gives = ", ".join(ceremony.gives)
    return words.say("ceremony", flow=ceremony.flow, steps=steps, gives=gives)


def _step(step: str, words: Words) -> str:
    return words.step(step.removesuffix(_FAILED)) + (_FAILED if step.endswith(_FAILED) else "")


def _shown(picture: Picture, ceremony: Ceremony, title: str, legend: Sequence[str], *, holds: bool = False) -> Shown:
    steps = tuple(step for step in ceremony.steps if not step.endswith(_FAILED))
    found = min(_through(picture.flow, steps), key=lambda one: len(one[0]), default=((), (), ()))
    _, blocks, pages = found
    return Shown(title=title, legend=tuple(legend), blocks=frozenset(blocks), cards=pages, holds=holds)


def _through(block: Block, steps: tuple[str, ...]) -> Iterator[Found]:
    """Yield every way through a block that begins with these steps."""
    match block:
        case Card():
            if steps and steps[0] == block.authenticator:
                yield steps[1:], (block.id,), (block.id,)
            elif block.may_wait:
                yield steps, (block.id,), ()
        case Series():
            yield from _one_after_the_other(block.blocks, steps)
        case Split():
            for branch in block.branches:
                for rest, blocks, pages in _through(branch.block, steps):
                    yield rest, (block.id, *blocks), pages
        case _:
            yield steps, (block.id,), ()


def _one_after_the_other(blocks: Sequence[Block], steps: tuple[str, ...]) -> Iterator[Found]:
    if not blocks:
        yield steps, (), ()
        return
    for rest, passed, pages in _through(blocks[0], steps):
        for end, later, more in _one_after_the_other(blocks[1:], rest):
            yield end, (*passed, *later), (*pages, *more)
