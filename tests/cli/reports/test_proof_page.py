"""The page of a proof: the verdict first, each weakness with its pictures, nothing from anywhere else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from idp.assurance.prover import explore
from idp.cli.main import main
from idp.cli.reports.proof_page import proof_text
from tests.assurance.corpus import NO_SET_UP, first_password_in_the_branch, no_acknowledgement, optional_token
from tests.cli.flows.test_flow import Capture, written
from tests.flows.bench import Edit, all_edits, flow, loaded, step, sub, with_flows


def page(*edits: Edit, live: tuple[Edit, ...] | None = None) -> str:
    before = explore(loaded(all_edits(*live))).proof if live is not None else None
    return proof_text(explore(loaded(all_edits(*edits))), before)


def verdicts(text: str) -> list[str]:
    return re.findall(r'<p class="verdict \w+">(.*?)</p>', text)


def test_the_verdict_stands_before_everything_else() -> None:
    assert verdicts(page(no_acknowledgement)) == ["✗ The proof failed: a level is reached by less than it promises."]
    assert verdicts(page()) == ["◆ Proved, but for what two people of the bank have acknowledged: see below."]
    text = page(first_password_in_the_branch)
    assert verdicts(text) == ["✓ Proved: every way to every acr takes what the acr promises."]
    assert text.index("verdict starts") < text.index("<h2>")


def test_each_set_is_a_row_with_categories_channels_and_ceremonies() -> None:
    text = page(no_acknowledgement)
    rows = re.findall(r"<tr><td>.*?</tr>", text, re.DOTALL)
    weak = rows[0]
    for told in ("mfa-otp", "code by SMS", ">possession<", ">sms<", "delivery of the password", "Weak"):
        assert told in weak
    assert "soft token registration → bank login" in re.sub(r"\s+", " ", weak)
    assert sum("Holds" in row for row in rows) == len(rows) - 1


def test_a_weak_set_is_shown_page_by_page() -> None:
    text = page(no_acknowledgement)
    section = text[text.index('id="set-1"') : text.index('id="set-2"')]
    assert "WEAK: acr mfa-otp" in section
    assert section.count("<svg ") == 2 * 2  # two ceremonies, each for a page and for a phone
    assert 'class="number-text"' in section
    assert "RTS (EU) 2018/389 Art. 4(1), 9(1)" in section


def test_a_draft_says_whether_it_gives_new_access() -> None:
    live = (first_password_in_the_branch, NO_SET_UP)
    assert "This draft gives no new access." in verdicts(page(*live, live=live))[1]
    text = page(*live, optional_token(), live=live)
    assert any("gives new access: 1 set" in verdict for verdict in verdicts(text))
    assert "New access" in text


def test_nothing_is_loaded_nothing_runs_and_no_id_is_twice() -> None:
    text = page(no_acknowledgement)
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert set(re.findall(r"https?://[^\"' <]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script|<link|<img|@import|\son\w+=", text)
    ids = Counter(re.findall(r'\sid="([^"]+)"', text))
    assert ids.most_common(1)[0][1] == 1
    assert set(re.findall(r'href="#([^"]+)"', text)) <= ids.keys()


def test_words_of_a_realm_file_are_never_markup() -> None:
    hostile = "<script>alert(1)</script>"
    text = page(
        with_flows(
            flow(hostile, step("auth-username-password-form"), sub(f"in {hostile}"), topLevel=True),
            flow(f"in {hostile}", step("auth-otp-form"), topLevel=False),
        )
    )
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_same_file_gives_the_same_page() -> None:
    assert page() == page()


def test_the_command_writes_the_page_beside_its_text(tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "proof.html"
    assert main(["flow", "prove", written(tmp_path, "demo.json"), "--html", str(output)]) == 0
    assert "but for what the bank has acknowledged" in capsys.readouterr().out
    assert output.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["flow", "prove", written(tmp_path, "demo.json"), "--html", str(tmp_path / "no" / "page.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err
