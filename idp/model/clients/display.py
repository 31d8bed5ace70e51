"""What a client shows of itself to people (OpenID Registration §2), and where a login may begin at it (Core §4)."""

from __future__ import annotations

from idp.model.struct import Frozen


class ClientDisplay(Frozen, frozen=True, kw_only=True):
    """Addresses of the client's logo, privacy policy and terms; `translations` has `logo_uri#sq` and its like.

    `initiate_login_uri` is where somebody else may send a person to have the client begin a login.
    """

    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    initiate_login_uri: str = ""
    translations: dict[str, str] = {}

    def said(self, member: str, locale: str) -> str:
        """Return a member in a language, or as it is without one; empty if there is none."""
        plain = getattr(self, member, "")
        return self.translations.get(f"{member}#{locale}", plain)

    def __bool__(self) -> bool:
        """Tell whether there is anything to show."""
        return bool(self.logo_uri or self.policy_uri or self.tos_uri)


NOTHING_TO_SHOW = ClientDisplay()
