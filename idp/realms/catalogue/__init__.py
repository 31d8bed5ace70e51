"""Every rule of the review by its id: title, reason and the texts that ask for it."""

from __future__ import annotations

from idp.realms.catalogue.clients import CLIENT_RULES
from idp.realms.catalogue.file import FILE_RULES
from idp.realms.catalogue.flows import FLOW_RULES
from idp.realms.catalogue.logins import LOGIN_RULES
from idp.realms.catalogue.rule import Rule
from idp.realms.catalogue.tokens import TOKEN_RULES

REALM_RULES = (*FILE_RULES, *LOGIN_RULES, *TOKEN_RULES)
CATALOGUE: dict[str, Rule] = {rule.id: rule for rule in (*FLOW_RULES, *REALM_RULES, *CLIENT_RULES)}
