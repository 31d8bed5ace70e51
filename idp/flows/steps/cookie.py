"""`auth-cookie`: an existing user session answers for the login.

Whether it may is decided before the flow, by one pure function (`idp.oidc.authorization.single_sign_on`); a session
that answers arrives here as already passed. In a flow that runs, the step is therefore never possible.
"""

from __future__ import annotations

from typing import ClassVar

from idp.flows.engine import Usability
from idp.flows.step import Failure, Form, Login, NoConfig, Outcome, StepContract, StepServices
from idp.flows.tree import Execution
from idp.model.realm import Realm
from idp.model.user import User


class Cookie:
    """The place in a flow at which single sign-on is allowed."""

    contract: ClassVar[StepContract] = StepContract(identifies=True, needs_user=False, silent=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config, realm, services

    def usable(self, user: User | None) -> Usability:
        """Never: a session that may answer did so before the flow began."""
        del user
        return Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Refuse: nobody can be asked for a cookie."""
        del login
        return Failure(reason="the cookie step cannot be asked")

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Refuse: no form answers for a cookie (T-18)."""
        del login, answer
        return Failure(reason="the cookie step cannot be answered")
