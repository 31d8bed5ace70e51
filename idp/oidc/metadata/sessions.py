"""What the realm's metadata says of logout and session management."""

from __future__ import annotations

from typing import Any

from idp.oidc.provider import Provider


def metadata(provider: Provider) -> dict[str, Any]:
    """Return the members (Back-Channel Logout §2.1, Front-Channel Logout §3, Session Management §3.3)."""
    return {
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "check_session_iframe": provider.endpoint("check-session"),
    }
