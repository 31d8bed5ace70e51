"""Bring the catalogues under `idp/locales/` up to date with the texts of templates, messages, letters and flows.

    python -m scripts.extract_texts          writes hyrja.pot and each hyrja.po; new texts come untranslated
    python -m scripts.extract_texts --check  changes nothing; fails where a run would

A text whose English changed keeps nothing of its old translation: a guessed one must not reach a customer.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

PROJECT = Path(__file__).parent.parent
LOCALES = PROJECT / "idp" / "locales"
TEMPLATE_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
PYTHON_KEYWORDS = {"_": None, "_n": (1, 2)}
# A constant, so that writing a catalogue twice writes the same bytes.
CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def extracted() -> Catalog:
    """Collect every text of the pages, with the file it stands in."""
    catalogue = Catalog(
        project="Hyrja",
        version="1",
        copyright_holder="the Hyrja project",
        charset="utf-8",
        fuzzy=False,
    )
    words = [PROJECT / "idp" / "web" / name for name in ("messages.py", "letter_words.py", "flow_words.py")]
    for path in [*sorted((PROJECT / "idp" / "templates").glob("*.html")), *words]:
        place = path.relative_to(PROJECT).as_posix()
        for msgid in _texts(path):
            catalogue.add(msgid, locations=[(place, 0)])
    return catalogue


def _texts(path: Path) -> Iterator[str | tuple[str, ...]]:
    source = io.BytesIO(path.read_bytes())
    if path.suffix == ".html":
        options = {"silent": "false", "trimmed": "true", "encoding": "utf-8"}
        found = extract("jinja2.ext:babel_extract", source, TEMPLATE_KEYWORDS, options=options)
    else:
        found = extract("python", source, PYTHON_KEYWORDS, options={"encoding": "utf-8"})
    for _line, msgid, _comments, _context in found:
        yield msgid


def updated(path: Path, texts: Catalog) -> bytes:
    """Return what the catalogue at `path` should be, given all texts."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parent.parent.name, domain="hyrja")
    catalogue.update(texts, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return _written(catalogue)


def _written(catalogue: Catalog) -> bytes:
    catalogue.creation_date = catalogue.revision_date = CREATED
    catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = "The Hyrja project"
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=120, sort_output=False, include_lineno=False, ignore_obsolete=True)
    # Babel signs with its version; a catalogue must not change because a tool did.
    return b"".join(line for line in buffer.getvalue().splitlines(keepends=True) if b"Generated-By:" not in line)


def wanted() -> dict[Path, bytes]:
    """Return each catalogue file and the bytes it should hold."""
    texts = extracted()
    files = {path: updated(path, texts) for path in sorted(LOCALES.glob("*/LC_MESSAGES/hyrja.po"))}
    files[LOCALES / "hyrja.pot"] = _written(texts)
    return files


def main() -> int:
    """Write the catalogues, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a run would")
    check = parser.parse_args().check
    stale = {path: body for path, body in wanted().items() if not path.is_file() or path.read_bytes() != body}
    for path, body in stale.items():
        print(f"{'stale' if check else 'written'}: {path.relative_to(PROJECT).as_posix()}")
        if not check:
            path.write_bytes(body)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
