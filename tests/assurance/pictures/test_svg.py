"""The written picture: well formed, alone in its file, told to those who do not see it, the same each time."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from idp.assurance.pictures.blocks import Picture
from idp.assurance.pictures.mermaid import mermaid
from idp.assurance.pictures.proved import with_proof
from idp.assurance.pictures.reading import read
from idp.assurance.pictures.svg import PAGE, PHONE, svg
from idp.assurance.prover import prove
from idp.assurance.untouched import no_services
from idp.flows.assembly import AssembledRealm
from idp.model.flow_kind import FlowKind
from tests.assurance.corpus import first_password_in_the_branch, no_acknowledgement
from tests.assurance.pictures.drawings import FIFTEEN, OPTIONAL_TOKEN, PlainWords, picture
from tests.flows.bench import Edit, all_edits, flow, loaded, step, sub

SVG = "{http://www.w3.org/2000/svg}"
# One line of a Mermaid flowchart as we write them: a node of each shape, a line with and without a label, and styles.
SAID = r'"[^"`{}\[\]()|\\]*"'
NODE = rf"(?:\[{SAID}\]|\({SAID}\)|\(\[{SAID}\]\)|\{{{SAID}\}}|\{{\{{{SAID}\}}\}})"
MERMAID = re.compile(
    rf"flowchart TD|  \w+{NODE}(?::::\w+)?|  \w+ -->(?:\|{SAID}\|)? \w+|  classDef \w+ [\w#:,\- ]+|  class [\w,]+ way"
)


def written(drawn: Picture, room: float = PAGE) -> ET.Element:
    return ET.fromstring(svg(drawn, PlainWords(), room=room))  # noqa: S314 - our own text


def proved(*edits: Edit, alias: str) -> Picture:
    found = loaded(all_edits(*edits))
    assembled = AssembledRealm(found.realm, no_services())
    kind = {bound: FlowKind(kind) for kind, bound in found.realm.bindings.items()}[alias]
    return with_proof(read(assembled, assembled.flows[alias], PlainWords(), kind=kind), prove(found), PlainWords())


@pytest.mark.parametrize("room", [PAGE, PHONE])
def test_every_page_stands_in_the_picture_as_text(room: float) -> None:
    root = written(picture(*FIFTEEN), room)
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts.count("auth-otp-form") == 2 * 4  # its name, and in these words its title too
    assert "REQUIRED" in texts
    assert "ALTERNATIVE" in texts
    assert [title.text for title in root.iter(f"{SVG}title")] == [
        "login: Banka Hyrja · Biznesi i vogël · kind:browser · for_realm"
    ]


def test_who_does_not_see_it_is_told_everything() -> None:
    root = written(picture(*OPTIONAL_TOKEN))
    (told,) = [element.text for element in root.iter(f"{SVG}desc")]
    assert told is not None
    assert "conditional-user-configured second?" in told
    assert "end: password + otp: level_acr 2 mfa-otp." in told
    assert "after: action_due" in told
    assert root.attrib["role"] == "img"
    names = root.attrib["aria-labelledby"], root.attrib["aria-describedby"]
    assert {element.attrib.get("id") for element in root.iter()} >= set(names)


def test_nothing_is_loaded_and_nothing_runs() -> None:
    text = svg(picture(*FIFTEEN), PlainWords())
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<image|<use|href|@import|\son\w+=|<foreignObject", text)
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {f"#{name}" for name in re.findall(r'marker id="([^"]+)"', text)}


def test_words_of_a_realm_file_are_never_markup() -> None:
    hostile = '<script>"x"</script> & [end] {a} `b`; --> | #'
    found = picture(
        flow(hostile, step("auth-username-password-form"), sub(f"in {hostile}", "CONDITIONAL"), topLevel=True),
        flow(f"in {hostile}", step("conditional-user-configured"), step("auth-otp-form"), topLevel=False),
    )
    text = svg(found, PlainWords())
    ET.fromstring(text)  # noqa: S314 - our own text
    assert "<script" not in text
    assert [line for line in mermaid(found).splitlines() if not MERMAID.fullmatch(line)] == []


def test_the_same_flow_is_the_same_picture_byte_for_byte() -> None:
    assert svg(picture(*FIFTEEN), PlainWords()) == svg(picture(*FIFTEEN), PlainWords())


def test_two_pictures_on_one_page_share_no_id() -> None:
    one, other = (set(re.findall(r' id="([^"]+)"', svg(picture(*f), PlainWords()))) for f in (OPTIONAL_TOKEN, FIFTEEN))
    phone = set(re.findall(r' id="([^"]+)"', svg(picture(*FIFTEEN), PlainWords(), room=PHONE)))
    assert one
    assert not other & phone
    renamed = replace(picture(*OPTIONAL_TOKEN), title="another")
    assert not one & set(re.findall(r' id="([^"]+)"', svg(renamed, PlainWords())))


def test_the_way_that_a_proof_found_is_numbered_page_by_page() -> None:
    drawn = proved(no_acknowledgement, alias="soft token registration")
    assert drawn.proof is not None
    assert drawn.proof.title.startswith("takes_weak mfa-otp 2 sms-otp")
    root = written(drawn)
    numbers = [t.text for t in root.iter(f"{SVG}text") if t.attrib.get("class") == "number-text"]
    assert numbers == ["1", "2", "3"]
    # The token that the person does not have is not asked for: its page lies beside the way.
    assert sum(e.attrib.get("class") == "mark" for e in root.iter()) == 4  # three pages, and the end


def test_a_proof_that_holds_says_so_and_marks_nothing() -> None:
    drawn = proved(first_password_in_the_branch, alias="bank login")
    assert drawn.proof is not None
    assert drawn.proof.holds
    assert drawn.proof.title == "proved"
    assert not [e for e in written(drawn).iter() if e.attrib.get("class") in {"way", "mark"}]


@pytest.mark.parametrize("flows", [OPTIONAL_TOKEN, FIFTEEN])
def test_mermaid_text_keeps_to_its_grammar(flows: tuple[dict[str, object], ...]) -> None:
    lines = mermaid(picture(*flows)).splitlines()
    assert [line for line in lines if not MERMAID.fullmatch(line)] == []
    drawn = {line.split("[")[0].split("(")[0].split("{")[0].strip() for line in lines if ":::" in line}
    reached = {line.rsplit(" ", 1)[1] for line in lines if "-->" in line}
    assert drawn == reached


def test_mermaid_shows_the_way_of_a_proof() -> None:
    text = mermaid(proved(no_acknowledgement, alias="soft token registration"))
    assert re.search(r"^  class n1,n2,\S+ way$", text, re.MULTILINE)
    assert [line for line in text.splitlines() if not MERMAID.fullmatch(line)] == []
