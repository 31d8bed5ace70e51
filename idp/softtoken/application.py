"""Serves the phone application below `/realms/{realm}/token/`.

The files are read once. Per realm only its display name differs: it stands in the page, in the web application
manifest and thereby in the edition that the service worker keeps for use without a network.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from idp.model.struct import Frozen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

PRODUCT: Final = "Hyrja Token"
FOLDER: Final = Path(__file__).parent / "app"
MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
SERVICE_WORKER: Final = "sw.js"
EDITION_MARK: Final = "/* edition */ null"

# A page that holds a bank's seeds runs its own files and nothing else: no inline script, no other origin, no frame.
HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Asset(Frozen, frozen=True):
    """One file as it is served."""

    body: bytes
    media_type: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file."""
        return hashlib.sha256(self.body).digest()

    @property
    def etag(self) -> str:
        """The entity tag (RFC 9110 §8.8.3)."""
        return f'"{self.digest.hex()[:32]}"'


def routes(*, display_name: Callable[[str], str | None]) -> list[Route]:
    """The application's routes. `display_name` answers None for a realm that does not exist."""

    async def serve(request: Request) -> Response:
        assets = edition(_realm_title(request, display_name))
        asset = assets.get(request.path_params["path"] or "index.html")
        if asset is None:
            raise HTTPException(404)
        return _response(asset, request.headers.get("if-none-match", ""))

    return [
        Route("/realms/{realm}/token", _to_folder(display_name)),
        Route("/realms/{realm}/token/{path:path}", serve),
    ]


def _to_folder(display_name: Callable[[str], str | None]) -> Callable[[Request], Awaitable[Response]]:
    """Relative addresses in the page and the service worker's scope need the slash."""

    async def redirect(request: Request) -> Response:
        _realm_title(request, display_name)
        return RedirectResponse(f"{request.url.path}/", status_code=308)

    return redirect


def _realm_title(request: Request, display_name: Callable[[str], str | None]) -> str:
    name = display_name(request.path_params["realm"])
    if name is None:
        raise HTTPException(404)
    return name.strip()


def _response(asset: Asset, if_none_match: str) -> Response:
    headers = HEADERS | {"ETag": asset.etag}
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    if asset.etag in known:  # RFC 9110 §13.1.2
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)


@cache
def edition(realm_title: str) -> Mapping[str, Asset]:
    """Every file of the application for realms of this display name, by its path; the page is `index.html`."""
    assets = dict(_files())
    assets["index.html"] = _with(assets["index.html"], "{{ realm }}", html.escape(realm_title))
    assets["manifest.webmanifest"] = _manifest(realm_title)
    assets[SERVICE_WORKER] = _with(assets[SERVICE_WORKER], EDITION_MARK, _contents(assets))
    return assets


@cache
def _files() -> Mapping[str, Asset]:
    return {
        path.relative_to(FOLDER).as_posix(): Asset(body=path.read_bytes(), media_type=MEDIA_TYPES[path.suffix])
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in MEDIA_TYPES
    }


def _with(asset: Asset, mark: str, text: str) -> Asset:
    return Asset(body=asset.body.replace(mark.encode(), text.encode()), media_type=asset.media_type)


def _contents(assets: Mapping[str, Asset]) -> str:
    """What the service worker keeps: each file with its digest, and a name that changes when any of them does.

    The browser refuses a file whose digest differs, so while servers are being updated no mixture of two editions
    can be installed.
    """
    files = {
        "./" if path == "index.html" else path: f"sha256-{base64.b64encode(asset.digest).decode()}"
        for path, asset in assets.items()
        if path != SERVICE_WORKER
    }
    name = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
    return json.dumps({"name": name, "files": files})


def _manifest(realm_title: str) -> Asset:
    """The web application manifest (W3C). Addresses are relative to it, so each realm is an application of its own."""
    named = realm_title and realm_title != PRODUCT
    manifest = {
        "id": "./",
        "start_url": "./",
        "scope": "./",
        "name": f"{PRODUCT} · {realm_title}" if named else PRODUCT,
        "short_name": PRODUCT,
        "lang": "sq",
        "display": "standalone",
        "orientation": "portrait",
        "background_color": "#f4f6f8",
        "theme_color": "#0d3b4c",
        "icons": [
            {"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"},
            {"src": "icon-192.png", "sizes": "192x192", "type": "image/png"},
            {"src": "icon-512.png", "sizes": "512x512", "type": "image/png", "purpose": "any"},
            {"src": "icon-512.png", "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
        ],
    }
    body = json.dumps(manifest, ensure_ascii=False).encode()
    return Asset(body=body, media_type=MEDIA_TYPES[".webmanifest"])
