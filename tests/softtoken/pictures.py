"""Pictures of QR codes as a phone may see them: turned, tilted, blurred, noisy, in shadow.

Nothing here is random: the same arguments give the same picture.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import qrcode
from PIL import Image, ImageChops, ImageFilter
from qrcode.constants import ERROR_CORRECT_H, ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = {"L": ERROR_CORRECT_L, "M": ERROR_CORRECT_M, "Q": ERROR_CORRECT_Q, "H": ERROR_CORRECT_H}
PAPER = 235  # paper and screens are never quite white, ink never quite black
INK = 25


def symbol(
    text: str, *, level: str = "M", version: int | None = None, mask: int | None = None, module: int = 8
) -> Image.Image:
    """A grey picture of the code with its quiet zone."""
    code = qrcode.QRCode(version=version, error_correction=LEVELS[level], box_size=module, border=4, mask_pattern=mask)
    code.add_data(text)
    code.make(fit=version is None)
    drawn: Image.Image = code.make_image(fill_color="black", back_color="white").get_image().convert("L")
    return drawn.point(lambda value: PAPER if value > 127 else INK)


def on_table(picture: Image.Image, *, width: int = 640, height: int = 480, table: int = 150) -> Image.Image:
    """The picture in the middle of a larger one."""
    scene = Image.new("L", (width, height), table)
    scene.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return scene


def turned(picture: Image.Image, degrees: float) -> Image.Image:
    return picture.rotate(degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=PAPER)


def tilted(picture: Image.Image, amount: float) -> Image.Image:
    """As seen from the side: the right edge is shorter by `amount` and a little lower, the top is further away."""
    w, h = picture.size
    corners = [(0, 0), (w, amount * h * 0.9), (w * (1 - amount * 0.3), h * (1 - amount * 0.6)), (amount * w * 0.2, h)]
    return picture.transform(
        (w, h),
        Image.Transform.PERSPECTIVE,
        _coefficients(corners, [(0, 0), (w, 0), (w, h), (0, h)]),
        resample=Image.Resampling.BICUBIC,
        fillcolor=PAPER,
    )


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius))


def noisy(picture: Image.Image, strength: int) -> Image.Image:
    """Adds up to ± `strength` to each pixel."""
    grain = hashlib.shake_256(b"grain").digest(picture.width * picture.height)
    noise = Image.frombytes("L", picture.size, grain).point(lambda value: value * 2 * strength // 255)
    return ImageChops.subtract(ImageChops.add(picture, noise), Image.new("L", picture.size, strength))


def shaded(picture: Image.Image, darkest: float) -> Image.Image:
    """A shadow that deepens from left to right until only `darkest` of the light is left."""
    ramp = Image.linear_gradient("L").rotate(90).resize(picture.size)
    light = ramp.point(lambda value: round(255 * (darkest + (1 - darkest) * value / 255)))
    return ImageChops.multiply(picture, light)


def negative(picture: Image.Image) -> Image.Image:
    return ImageChops.invert(picture)


def stained(picture: Image.Image, share: float) -> Image.Image:
    """A light stain over `share` of the side, right of the middle."""
    spot = Image.new("L", (int(picture.width * share), int(picture.height * share)), PAPER)
    stain = picture.copy()
    stain.paste(spot, (int(picture.width * 0.55), int(picture.height * 0.42)))
    return stain


def png(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def write_y4m(picture: Image.Image, path: Path, *, frames: int = 5) -> None:
    """A still film for Chromium's fake camera (YUV4MPEG2, 4:2:0, neutral colour)."""
    colour = bytes([128]) * (picture.width // 2 * (picture.height // 2) * 2)
    frame = b"FRAME\n" + picture.tobytes() + colour
    header = f"YUV4MPEG2 W{picture.width} H{picture.height} F5:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(header + frame * frames)


def _coefficients(seen: list[tuple[float, float]], flat: list[tuple[float, float]]) -> list[float]:
    """The eight numbers of the projective map that takes `seen` to `flat`, by Gauss and Jordan."""
    rows = []
    for (x, y), (u, v) in zip(seen, flat, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    for column in range(8):
        pivot = max(range(column, 8), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for other in range(8):
            if other != column:
                factor = rows[other][column]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[column], strict=True)]
    return [row[8] for row in rows]
