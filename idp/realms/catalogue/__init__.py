"""Every rule of the review by its id: title, reason and the texts that ask for it."""

from __future__ import annotations

from idp.realms.catalogue.clients import CLIENT_RULES
from idp.realms.catalogue.flows import FLOW_RULES
from idp.realms.catalogue.realm import REALM_RULES
from idp.realms.catalogue.rule import Rule

CATALOGUE: dict[str, Rule] = {rule.id: rule for rule in (*FLOW_RULES, *REALM_RULES, *CLIENT_RULES)}
