"""Rules about authentication flows and required actions."""

from __future__ import annotations

from idp.realms.catalogue.rule import grave, unwise

FLOW_RULES = (
    grave(
        "F-25-2-c-i",
        "Two elements arrive over one channel",
        "Whoever reads it holds the first password and the code that activates the second factor.",
        "RTS (EU) 2018/389 Art. 25(2)(c)(i)",
        "RTS (EU) 2018/389 Art. 9(1)",
    ),
    grave(
        "F-PROVES-NOTHING",
        "A flow can end with nothing proven",
        "A session would be made for whoever typed a name.",
        "RTS (EU) 2018/389 Art. 4(1)",
        "ASVS 5.0 2.3.1",
        "CVE-2026-49448",
    ),
    grave(
        "F-MIXED-LEVEL",
        "ALTERNATIVE beside other requirements at one level",
        "Keycloak silently drops the alternatives: the flow that runs is not the flow that was drawn.",
        "keycloak#15439",
        "keycloak#19458",
        "keycloak#13744",
    ),
    grave(
        "F-NO-CONDITION",
        "A conditional sub-flow without a condition",
        "Keycloak skips such a sub-flow for everybody; the factor in it is never asked for.",
        "ASVS 5.0 2.3.1",
    ),
    grave(
        "F-CONDITION-IGNORED",
        "A condition that guards nothing",
        "Outside of a CONDITIONAL sub-flow Keycloak ignores a condition: what looks guarded is not.",
        "ASVS 5.0 2.3.1",
    ),
    grave(
        "F-CONDITIONAL-STEP",
        "A step that is CONDITIONAL",
        "Only sub-flows can be; the step would not run as written.",
        "ASVS 5.0 2.3.1",
    ),
    unwise(
        "F-ONLY-CONDITIONAL",
        "Nothing but conditional members",
        "A person for whom no condition holds meets no step, and is refused.",
        "ASVS 5.0 16.5.3",
    ),
    grave(
        "F-CONDITION-BEFORE-USER",
        "A condition about a user before anybody is identified",
        "It can only be decided wrongly: the guarded factor is skipped or the login breaks.",
        "ASVS 5.0 2.3.1",
    ),
    grave(
        "F-STEP-BEFORE-USER",
        "A step that needs a user before anybody is identified",
        "The step has nobody whose factor it could verify.",
        "ASVS 5.0 2.3.1",
    ),
    grave(
        "F-STEP-BEFORE-PROOF",
        "Enrolment before any proven factor",
        "Whoever knows a user name could enrol their own second factor for it.",
        "RTS (EU) 2018/389 Art. 24(2)(b)",
        "NIST SP 800-63B-4 §4.1.2.1",
        "CVE-2023-3597",
        "keycloak#21837",
    ),
    unwise(
        "F-MESSAGE-BEFORE-PROOF",
        "A message to whoever somebody names",
        "Strangers can have messages sent to customers, at the bank's cost, and learn who is one.",
        "ASVS 5.0 6.6.3",
        "ASVS 5.0 6.3.8",
    ),
    grave(
        "F-UNREACHABLE",
        "A way that makes the others dead",
        "The factor behind the always succeeding alternative is never asked for.",
        "keycloak#41248",
        "ASVS 5.0 6.3.4",
    ),
    grave(
        "F-UNKNOWN-STEP",
        "An authenticator that is not there",
        "A step that cannot run must not be skipped in silence.",
        "ASVS 5.0 16.5.3",
    ),
    grave(
        "F-UNKNOWN-FLOW",
        "A flow that is not there",
        "A binding or execution points to nothing; a client would run another flow than was meant.",
        "keycloak#30706",
        "keycloak#17181",
    ),
    grave(
        "F-UNKNOWN-CONFIG",
        "A configuration that is not there",
        "The step would run with other settings than was meant.",
        "ASVS 5.0 6.1.3",
    ),
    grave(
        "F-STEP-CONFIG",
        "A setting of a step that is not valid",
        "The step would run with other settings than was meant.",
        "ASVS 5.0 6.1.3",
    ),
    grave("F-CYCLE", "A flow that contains itself", "It has no end.", "ASVS 5.0 2.3.1"),
    grave("F-EMPTY", "A flow without an enabled execution", "It asks for nothing.", "ASVS 5.0 2.3.1"),
    grave(
        "A-UNKNOWN-ACTION",
        "A required action that nobody can do",
        "What users are to do before they get in is not done; as a default action it would lock everybody out.",
        "CVE-2025-3910",
    ),
    grave(
        "A-ACTION-CONFIG",
        "A setting of a required action that is not valid",
        "The action would run with other settings than was meant.",
        "ASVS 5.0 6.1.3",
    ),
)
