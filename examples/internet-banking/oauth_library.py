"""The one door to Authlib, which picks its HTTP library itself: httpx2 where it is installed, else httpx.

Its notice about that choice is meant for whoever installs it; it would be noise in the bank's log. Errors and
TLS settings must come from the library that Authlib picked, so they are taken from there.
"""

from __future__ import annotations

import warnings

from authlib.deprecate import AuthlibDeprecationWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import oauth2_client
    from authlib.integrations.starlette_client import OAuth, OAuthError, StarletteOAuth2App

HTTPError: type[Exception] = oauth2_client.httpx2.HTTPError
"""No connection, no answer in time, or an HTTP status that is an error."""

create_ssl_context = oauth2_client.httpx2.create_ssl_context

__all__ = ["HTTPError", "OAuth", "OAuthError", "StarletteOAuth2App", "create_ssl_context"]
