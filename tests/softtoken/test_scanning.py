"""The decoder of the application on pictures that another program drew."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.softtoken.phone import link
from tests.softtoken.pictures import (
    blurred,
    negative,
    noisy,
    on_table,
    png,
    shaded,
    stained,
    symbol,
    tilted,
    turned,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from tests.softtoken.phone import Phone

pytestmark = pytest.mark.browser

URI = link()
READ = "m.readFile(new Blob([Uint8Array.from(atob(input), (c) => c.charCodeAt(0))]))"


def read(phone: Phone, picture: Image) -> str | None:
    text: str | None = phone.computed("scanner.js", READ, base64.b64encode(png(picture)).decode())
    return text


@pytest.mark.parametrize("level", ["L", "M", "Q", "H"])
def test_every_version_up_to_20_is_read_at_every_level(workshop: Phone, level: str) -> None:
    texts = {version: "Hyrja 7" if version == 1 else f"Hyrja {version} xyz"[:12] for version in range(1, 21)}

    seen = {
        version: read(workshop, symbol(text, level=level, version=version, module=5)) for version, text in texts.items()
    }

    assert seen == texts


def test_every_mask_is_read(workshop: Phone) -> None:
    assert {mask: read(workshop, symbol(URI, mask=mask)) for mask in range(8)} == dict.fromkeys(range(8), URI)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0012345678901234", id="digits"),
        pytest.param("HELLO WORLD $%*+-./:", id="alphanumeric"),
        pytest.param("Përshëndetje, çelësi juaj", id="bytes, UTF-8"),
        pytest.param("0123456789012345678901234 and then WORDS IN CAPITALS: 42 ë", id="mixed"),
    ],
)
def test_every_mode_that_a_bank_writes_is_read(workshop: Phone, text: str) -> None:
    assert read(workshop, symbol(text)) == text


@pytest.mark.parametrize("degrees", range(0, 360, 30))
def test_a_turned_code_is_read(workshop: Phone, degrees: int) -> None:
    assert read(workshop, turned(symbol(URI, module=6), degrees + 7)) == URI


PHOTO = [
    pytest.param(tilted(symbol(URI), 0.2), id="tilted"),
    pytest.param(turned(tilted(symbol(URI), 0.15), 35), id="tilted and turned"),
    pytest.param(tilted(symbol(URI, version=15, module=7), 0.15), id="large and tilted"),
    pytest.param(blurred(symbol(URI), 3), id="blurred"),
    pytest.param(noisy(symbol(URI, module=6), 60), id="noisy"),
    pytest.param(shaded(symbol(URI, module=6), 0.2), id="in shadow"),
    pytest.param(stained(symbol(URI, level="H"), 0.2), id="stained"),
    pytest.param(negative(symbol(URI)), id="light on dark"),
    pytest.param(on_table(symbol(URI, module=3), width=640, height=480), id="far away"),
    *(
        pytest.param(
            noisy(
                blurred(
                    shaded(on_table(turned(tilted(symbol(URI, module=6), tilt), turn), width=900, height=900), 0.45),
                    1.3,
                ),
                25,
            ),
            id=f"photo tilted by {tilt} and turned by {turn}",
        )
        for tilt in (0.05, 0.12, 0.2)
        for turn in (0, 13, 77, 200)
    ),
]


@pytest.mark.parametrize("picture", PHOTO)
def test_a_code_is_read_as_a_camera_sees_it(workshop: Phone, picture: Image) -> None:
    assert read(workshop, picture) == URI


def test_the_smallest_code_is_read_although_it_has_no_alignment_pattern(workshop: Phone) -> None:
    assert read(workshop, tilted(symbol("AB12345", version=1, module=14), 0.15)) == "AB12345"


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(on_table(symbol(URI).crop((0, 0, 200, 200))), id="a part of a code"),
        pytest.param(stained(symbol(URI, level="L"), 0.3), id="more damage than can be corrected"),
        pytest.param(noisy(on_table(symbol(URI).resize((8, 8))), 60), id="nothing but noise"),
    ],
)
def test_what_cannot_be_read_is_nothing_and_never_a_wrong_text(workshop: Phone, picture: Image) -> None:
    assert read(workshop, picture) is None


def test_a_file_that_is_no_picture_is_nothing(workshop: Phone) -> None:
    assert workshop.computed("scanner.js", READ, base64.b64encode(b"%PDF-1.7 not a picture").decode()) is None
