"""The example resource server in the provider's own process: a test switch, so that an exam needs one command.

It stays what it is, code of a folder that imports nothing of ours: it speaks to the first realm over HTTP, and believes
nothing that a stranger could not check.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from idp.oidc.provider import Provider
from idp.ports import Clock
from idp.settings.loading import StartError
from idp.web.http import Application, Receive, Scope, Send

PREFIX = "/accounts-api"
_CLIENT = "accounts-api"
_STEP_UP = "1"  # what the exam's one page with name and password reaches


@asynccontextmanager
async def with_resource_api(
    application: Application,
    folder: Path,
    *,
    provider: Provider,
    urls: tuple[str, ...],
    ca_bundle: str,
    clock: Clock,
) -> AsyncIterator[Application]:
    """Serve the API of a folder under `/accounts-api`, beside the provider.

    `urls` are the addresses under which this process is reached. It asks the provider about every token, as the realm's
    client `accounts-api`: an exam looks whether what was revoked is refused at once.

    Raises:
        StartError: the folder holds no such API, or the realm no such client.

    """
    client = provider.client(_CLIENT)
    if client is None or client.secret is None:
        raise StartError(f"conformance.resource_api: realm {provider.name} has no client {_CLIENT} with a secret.")
    sys.path.insert(0, str(folder))
    try:
        settings = importlib.import_module("api_settings").Settings(
            issuer=provider.issuer,
            urls=tuple(url + PREFIX for url in urls),
            check="introspection",
            client_id=_CLIENT,
            secret=client.secret.reveal(),
            ca_bundle=ca_bundle,
            step_up_acr=_STEP_UP,
        )
        api = importlib.import_module("accounts_api").api(settings, clock=clock)
    except ImportError as error:
        raise StartError(f"conformance.resource_api: {folder} holds no resource server ({error}).") from None
    finally:
        sys.path.remove(str(folder))

    async def beside(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if not path.startswith(PREFIX + "/"):
            await application(scope, receive, send)
            return
        own = path.removeprefix(PREFIX)
        await api({**scope, "path": own, "raw_path": own.encode()}, receive, send)

    async with api.router.lifespan_context(api):
        yield beside
