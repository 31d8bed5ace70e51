"""Authentication flows as an administrator writes them, and what a login proves."""

from __future__ import annotations

from enum import Enum

from idp.model.struct import Frozen


class Requirement(Enum):
    """Keycloak's four requirements of an execution."""

    REQUIRED = "REQUIRED"
    ALTERNATIVE = "ALTERNATIVE"
    CONDITIONAL = "CONDITIONAL"
    DISABLED = "DISABLED"


class FlowExecution(Frozen, frozen=True, kw_only=True):
    """One line of a flow: an authenticator, or a sub-flow named by its alias.

    `pointer` is the JSON pointer of the line in its realm file, so that every finding can name its place.
    """

    requirement: Requirement
    priority: int
    authenticator: str | None = None
    flow_alias: str | None = None
    config_alias: str | None = None
    pointer: str = ""


class Flow(Frozen, frozen=True, kw_only=True):
    """A flow or sub-flow, flat as in the realm file; `idp.flows.compiler` makes the tree."""

    alias: str
    description: str = ""
    provider_id: str = "basic-flow"
    top_level: bool = True
    built_in: bool = False
    executions: tuple[FlowExecution, ...] = ()
    pointer: str = ""


class RequiredActionSetting(Frozen, frozen=True, kw_only=True):
    """A required action as the realm configures it."""

    alias: str
    name: str = ""
    enabled: bool = True
    default_action: bool = False
    priority: int = 0
    config: dict[str, str] = {}
    pointer: str = ""


class Category(Enum):
    """The three categories of authentication elements (RTS (EU) 2018/389 Art. 4(1))."""

    KNOWLEDGE = "knowledge"
    POSSESSION = "possession"
    INHERENCE = "inherence"


class Evidence(Frozen, frozen=True, kw_only=True):
    """That a factor was proven: which, by which channel, when, and in which ceremony.

    `ceremony` is the tab in which it was proven: evidence of one login never counts in another.
    `amr` holds RFC 8176 values, or those that the realm gives the step instead (Keycloak's authenticator reference),
    which are told for `amr_age` seconds.
    """

    execution: str
    factor: str
    category: Category
    channel: str
    amr: tuple[str, ...]
    at: int
    ceremony: str
    credential_id: str | None = None
    amr_age: int | None = None


class Status(Enum):
    """What became of an execution in one login."""

    SUCCESS = "success"
    SETUP_REQUIRED = "setup-required"
    ATTEMPTED = "attempted"
