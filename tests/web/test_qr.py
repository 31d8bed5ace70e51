"""The QR code of an activation, read by somebody else's reader."""

from __future__ import annotations

import re

import zxingcpp
from PIL import Image

from idp.web import qr
from tests.web.samples import OTPAUTH


def test_another_reader_reads_the_drawn_qr_code() -> None:
    svg = qr.drawn(OTPAUTH, title="QR")
    size = int(svg.split('viewBox="0 0 ')[1].split()[0])
    image = Image.new("L", (size, size), 255)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1", svg):
        for offset in range(int(length)):
            image.putpixel((int(x) + offset, int(y)), 0)
    (found,) = zxingcpp.read_barcodes(image.resize((size * 4, size * 4), Image.Resampling.NEAREST))
    assert found.text == OTPAUTH


def test_a_drawing_names_itself_and_escapes_its_name() -> None:
    svg = qr.drawn("x", title="<script>")
    assert 'role="img"' in svg
    assert "<script>" not in svg
