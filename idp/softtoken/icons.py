"""Draws the application's PNG icons, without an image library: `python -m idp.softtoken.icons`.

The drawing is that of `app/icon.svg`: an arched entrance with a light behind it. It fills the square, because systems
cut their own shape out of it. The files are committed, so that every server serves the same bytes.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import Final

from idp.softtoken.application import FOLDER

SIZES: Final = (192, 512)
SAMPLES: Final = 4  # looks at each pixel in both directions, for smooth edges

Colour = tuple[int, int, int]
WALL: Final[Colour] = (0x0D, 0x3B, 0x4C)
DOOR: Final[Colour] = (0xF4, 0xF6, 0xF8)
LIGHT: Final[Colour] = (0xE8, 0xB0, 0x4A)


def _in_arch(x: float, y: float, *, half_width: float, top: float, bottom: float) -> bool:
    """Whether a point is in an upright arch around x = 0.5: a half circle on a rectangle."""
    spring = top + half_width
    if y < spring:
        return math.hypot(x - 0.5, y - spring) <= half_width
    return y <= bottom and abs(x - 0.5) <= half_width


def _in_keyhole(x: float, y: float) -> bool:
    """Whether a point is in the light: a disc and a bar below it."""
    radius, half_bar, top, bottom = 0.055, 0.028, 0.5, 0.66
    return math.hypot(x - 0.5, y - 0.5) <= radius or (top <= y <= bottom and abs(x - 0.5) <= half_bar)


def colour_at(x: float, y: float) -> Colour:
    """The colour of a point of the unit square."""
    if _in_keyhole(x, y):
        return LIGHT
    if _in_arch(x, y, half_width=0.15, top=0.31, bottom=0.75):
        return WALL
    if _in_arch(x, y, half_width=0.22, top=0.24, bottom=0.75):
        return DOOR
    return WALL


def pixels(size: int) -> list[Colour]:
    """The picture row by row; each pixel is the mean of its samples."""
    offsets = [(i + 0.5) / SAMPLES for i in range(SAMPLES)]
    picture = []
    for row in range(size):
        for column in range(size):
            seen = [colour_at((column + dx) / size, (row + dy) / size) for dy in offsets for dx in offsets]
            red, green, blue = (sum(channel) // len(seen) for channel in zip(*seen, strict=True))
            picture.append((red, green, blue))
    return picture


def png(size: int) -> bytes:
    """The icon as a PNG file of 8-bit RGB (ISO/IEC 15948)."""
    flat = pixels(size)
    rows = b"".join(
        b"\0" + b"".join(bytes(pixel) for pixel in flat[row * size : (row + 1) * size]) for row in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


if __name__ == "__main__":
    for size in SIZES:
        (FOLDER / f"icon-{size}.png").write_bytes(png(size))
