"""`reset-credentials-choose-user`: the user name or e-mail address. Whoever it is, the next page is the same."""

from __future__ import annotations

import msgspec

from idp.flows.step import Challenge, Login, Outcome
from idp.flows.steps.password import Username


class ChooseUser(Username):
    """Takes a name, known or not; what comes next tells nobody whether there is such a user (ASVS 6.3.8)."""

    async def challenge(self, login: Login) -> Outcome:
        """Show the page."""
        outcome = await super().challenge(login)
        assert isinstance(outcome, Challenge)
        return msgspec.structs.replace(outcome, fields={**outcome.fields, "submit": "next"})
