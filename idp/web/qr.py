"""A QR code as an SVG that can stand in a page: no file, no style, black on white in every colour scheme."""

from __future__ import annotations

import qrcode
from markupsafe import escape
from qrcode.constants import ERROR_CORRECT_M

QUIET_ZONE = 4  # modules; ISO/IEC 18004 §6.3.8


def drawn(text: str, *, title: str) -> str:
    """Draw `text`; `title` is what a person who cannot see it is told. Each run of dark modules is one stroke."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    size = len(rows)
    strokes = "".join(f"M{x} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for x, length in _runs(row))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" shape-rendering="crispEdges"'
        f' aria-labelledby="qr-title"><title id="qr-title">{escape(title)}</title>'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path fill="#000" d="{strokes}"/></svg>'
    )


def _runs(row: list[bool]) -> list[tuple[int, int]]:
    """Return where each run of dark modules begins, and how long it is."""
    runs: list[tuple[int, int]] = []
    start: int | None = None
    for x, dark in enumerate([*row, False]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            runs.append((start, x - start))
            start = None
    return runs
