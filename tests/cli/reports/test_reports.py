"""The reports of a check: SARIF that tools read, JSON, a page that loads nothing, and text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from idp.cli.main import main
from idp.realms.catalogue import CATALOGUE

ROOT = Path(__file__).parents[3]
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
POSITIVE = {"type": "integer", "minimum": 1}


def strict(required: list[str], **properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


# SARIF 2.1.0 §3.13 and following: the members that are used here, what is required of them, and no others.
SARIF = strict(
    ["version", "runs", "$schema"],
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "items": strict(
            ["tool", "results"],
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            tool=strict(
                ["driver"],
                driver=strict(
                    ["name"],
                    name={"type": "string"},
                    fullName={"type": "string"},
                    version={"type": "string"},
                    rules={
                        "type": "array",
                        "uniqueItems": True,
                        "items": strict(
                            ["id"],
                            id={"type": "string"},
                            shortDescription=MESSAGE,
                            fullDescription=MESSAGE,
                            help=MESSAGE,
                            defaultConfiguration=strict([], level=LEVEL),
                            properties=strict([], tags={"type": "array", "uniqueItems": True}),
                        ),
                    },
                ),
            ),
            artifacts={
                "type": "array",
                "uniqueItems": True,
                "items": strict(
                    ["location"],
                    location=strict([], uri={"type": "string"}),
                    mimeType={"type": "string", "pattern": "[^/]+/.+"},
                    hashes={"type": "object", "additionalProperties": {"type": "string"}},
                ),
            },
            results={
                "type": "array",
                "items": strict(
                    ["message"],
                    ruleId={"type": "string"},
                    ruleIndex={"type": "integer", "minimum": 0},
                    level=LEVEL,
                    message=MESSAGE,
                    locations={
                        "type": "array",
                        "items": strict(
                            [],
                            physicalLocation=strict(
                                ["artifactLocation"],
                                artifactLocation=strict(["uri"], uri={"type": "string"}, index={"type": "integer"}),
                                region=strict(
                                    ["startLine"],
                                    startLine=POSITIVE,
                                    startColumn=POSITIVE,
                                    endLine=POSITIVE,
                                    endColumn=POSITIVE,
                                ),
                            ),
                            logicalLocations={
                                "type": "array",
                                "items": strict([], fullyQualifiedName={"type": "string"}, kind={"type": "string"}),
                            },
                        ),
                    },
                    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
                    suppressions={
                        "type": "array",
                        "items": strict(
                            ["kind"],
                            kind={"enum": ["inSource", "external"]},
                            status={"enum": ["accepted", "underReview", "rejected"]},
                            justification={"type": "string"},
                        ),
                    },
                ),
            },
        ),
    },
)


@pytest.fixture
def realm(tmp_path: Path) -> Path:
    """Return a realm file with an error, a warning and the acknowledged finding; its name needs escaping."""
    document = json.loads((ROOT / "realms" / "small-business.json").read_text(encoding="utf-8"))
    document |= {"otpPolicyDigits": 7, "failureFactor": 6, "<script>": 1}
    path = tmp_path / "a b<i>.json"
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")
    return path


def report(tmp_path: Path, form: str, *files: Path) -> str:
    output = tmp_path / "report"
    assert main(["realm", "check", "--format", form, "--output", str(output), *map(str, files)]) == 1
    return output.read_text(encoding="utf-8")


def sarif(tmp_path: Path, *files: Path) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(report(tmp_path, "sarif", *files))
    return log


def test_a_sarif_log_has_what_the_standard_requires_and_nothing_unknown(tmp_path: Path, realm: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    log = sarif(tmp_path, realm, broken, tmp_path / "absent.json")
    Draft202012Validator(SARIF).validate(log)
    assert len(log["runs"][0]["artifacts"]) == 3


def test_every_rule_is_in_the_log_and_each_result_points_to_its_own(tmp_path: Path, realm: Path) -> None:
    (run,) = sarif(tmp_path, realm)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CATALOGUE)
    assert run["results"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


def test_a_results_region_is_the_value_at_fault(tmp_path: Path, realm: Path) -> None:
    results = {result["ruleId"]: result for result in sarif(tmp_path, realm)["runs"][0]["results"]}
    (location,) = results["R-OTP"]["locations"]
    region = location["physicalLocation"]["region"]
    line = realm.read_text(encoding="utf-8").splitlines()[region["startLine"] - 1]
    assert line[: region["startColumn"] - 1].strip() == '"otpPolicyDigits":'
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "7"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "/otpPolicyDigits"
    assert location["physicalLocation"]["artifactLocation"]["uri"] == realm.as_uri()


def test_only_what_is_acknowledged_is_suppressed(tmp_path: Path, realm: Path) -> None:
    results = sarif(tmp_path, realm)["runs"][0]["results"]
    assert {result["ruleId"] for result in results if "suppressions" in result} == {"F-25-2-c-i"}
    levels = {result["ruleId"]: result["level"] for result in results}
    assert (levels["R-OTP"], levels["B-FACTOR"], levels["F-25-2-c-i"]) == ("error", "warning", "error")


def test_a_finding_keeps_its_fingerprint_when_lines_move(tmp_path: Path, realm: Path) -> None:
    def prints() -> list[str]:
        results = sarif(tmp_path, realm)["runs"][0]["results"]
        return [result["partialFingerprints"]["ruleAndPointer/v1"] for result in results]

    before = prints()
    realm.write_text("\n\n" + realm.read_text(encoding="utf-8"), encoding="utf-8")
    assert prints() == before
    assert len(set(before)) == len(before)


def test_a_relative_path_stays_relative_and_is_a_uri(
    tmp_path: Path, realm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = sarif(tmp_path, Path(realm.name))
    assert log["runs"][0]["artifacts"][0]["location"]["uri"] == "a%20b%3Ci%3E.json"


def test_json_tells_rule_reason_references_and_place(tmp_path: Path, realm: Path) -> None:
    found = {finding["rule"]: finding for finding in json.loads(report(tmp_path, "json", realm))[str(realm)]}
    rule = CATALOGUE["B-FACTOR"]
    assert (found["B-FACTOR"]["title"], found["B-FACTOR"]["why"]) == (rule.title, rule.why)
    assert found["B-FACTOR"]["references"] == list(rule.references)
    line = realm.read_text(encoding="utf-8").splitlines()[found["B-FACTOR"]["line"] - 1]
    assert "failureFactor" in line


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_loads_nothing_runs_nothing_and_takes_no_text_for_markup(tmp_path: Path, realm: Path) -> None:
    page = _Page()
    text = report(tmp_path, "html", realm)
    page.feed(text)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "i", "object"}
    assert not [attributes for _, attributes in page.tags if {"src", "href", "onclick"} & attributes.keys()]
    assert "url(" not in text
    assert "@import" not in text
    assert "<script>" not in text
    assert "“<script>” is not honoured here." in " ".join(page.words)


def test_the_page_tells_every_finding_with_its_reason_and_lists_the_silent_rules(tmp_path: Path, realm: Path) -> None:
    page = _Page()
    page.feed(report(tmp_path, "html", realm))
    text = re.sub(r"\s+", " ", "".join(page.words))
    for rule in ("R-OTP", "B-FACTOR", "F-25-2-c-i"):
        assert CATALOGUE[rule].why in text
        assert CATALOGUE[rule].references[0] in text
    assert text.index("R-OTP") < text.index("B-FACTOR") < text.index("Rules that found nothing") < text.index("C-VAULT")
    assert "does not start" in text
    for rule in CATALOGUE:
        assert rule in text


def test_no_rule_is_called_silent_that_had_nothing_to_look_at(tmp_path: Path, realm: Path) -> None:
    absent = tmp_path / "absent.json"
    told = report(tmp_path, "html", realm, absent)
    assert "are silent" not in told
    assert told.count("could not be read as a realm") == 1


def test_on_the_page_a_severity_is_a_word_and_a_shape_and_groups_fold_without_a_script(
    tmp_path: Path, realm: Path
) -> None:
    page = _Page()
    page.feed(report(tmp_path, "html", realm))
    text = "".join(page.words)
    for shape, word in (("■", "Errors"), ("▲", "Warnings"), ("◆", "Acknowledged")):
        assert f"{shape} {word} (" in text
    assert sum(tag == "details" for tag, _ in page.tags) == 4
    assert [attributes for tag, attributes in page.tags if tag == "html"] == [{"lang": "en"}]


@pytest.mark.parametrize("form", ["html", "sarif", "json", "text"])
def test_the_same_file_gives_the_same_report(tmp_path: Path, realm: Path, form: str) -> None:
    assert report(tmp_path, form, realm) == report(tmp_path, form, realm)


def test_text_names_line_and_references(tmp_path: Path, realm: Path) -> None:
    told = report(tmp_path, "text", realm)
    assert re.search(r"error +R-OTP  /otpPolicyDigits  line \d+\n", told)
    assert "RFC 4226 §5.3; NIST SP 800-63B-4 §3.1.4\n" in told
    assert "  1 error, 2 warning, 1 acknowledged\n" in told


@pytest.mark.parametrize(("fail_on", "status"), [("error", 0), ("warning", 1)])
def test_what_fails_a_check_is_chosen(tmp_path: Path, fail_on: str, status: int) -> None:
    document = json.loads((ROOT / "realms" / "small-business.json").read_text(encoding="utf-8"))
    path = tmp_path / "realm.json"
    path.write_text(json.dumps(document | {"failureFactor": 9}), encoding="utf-8")
    assert main(["realm", "check", "--fail-on", fail_on, str(path)]) == status
    path.write_text(json.dumps(document), encoding="utf-8")
    assert main(["realm", "check", "--fail-on", fail_on, str(path)]) == 0


def test_a_report_that_cannot_be_written_is_one_line_and_another_status(
    tmp_path: Path, realm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["realm", "check", "--output", str(tmp_path / "no" / "where"), str(realm)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1


def test_a_list_of_realms_is_reviewed_with_places_in_the_list(
    tmp_path: Path, realm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.loads(realm.read_text(encoding="utf-8"))
    bad = good | {"realm": "no/name"}
    path = tmp_path / "list.json"
    for realms, pointer in (([bad], "/0/realm"), ([good, bad], "/1/realm")):
        path.write_text(json.dumps(realms), encoding="utf-8")
        main(["realm", "check", "--json", str(path)])
        assert pointer in capsys.readouterr().out
