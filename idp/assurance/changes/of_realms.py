"""What the settings of a realm mean when they change, by the place in the file. `*` is any name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from idp.assurance.changes.change import Change, Topic
from idp.assurance.changes.leaves import Leaf
from idp.assurance.changes.meanings import (
    NEUTRAL,
    STRONGER,
    WEAKER,
    Meaning,
    as_number,
    change,
    entry,
    number,
    other,
    switch,
    words,
)
from idp.model.policies.credentials import PasswordRule
from idp.realms.topics.password_policy import parsed

_SECONDS = "seconds"
_LESS_IS_STRONGER = frozenset({"forceExpiredPasswordChange", "maxAuthAge"})
_NO_STRENGTH = frozenset({"maxLength", "hashIterations", "recoveryCodesWarningThreshold"})


def _lifetime(text: str) -> Meaning:
    return number(Topic.SESSION, text, less_is=STRONGER, unit=_SECONDS)


def _password_policy(leaf: Leaf) -> Iterator[Change]:
    """Tell each rule by itself: a longer text may be a weaker policy."""
    before = {rule.name: rule for rule in parsed(str(leaf.before or ""))[0]}
    after = {rule.name: rule for rule in parsed(str(leaf.after or ""))[0]}
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if was is None or now is None:
            text = f"Passwords must now pass {_rule(now)}" if now else f"Passwords need not pass {_rule(was)} any more"
            yield change(leaf, Topic.PROTECTION, STRONGER if now else WEAKER, text)
            continue
        old, new = as_number(was.argument), as_number(now.argument)
        direction = NEUTRAL
        if old is not None and new is not None and name not in _NO_STRENGTH:
            shorter = new < old
            direction = STRONGER if shorter == (name in _LESS_IS_STRONGER) else WEAKER
        yield change(leaf, Topic.PROTECTION, direction, f"Passwords must pass {_rule(now)} instead of {_rule(was)}")


def _rule(rule: PasswordRule | None) -> str:
    return "" if rule is None else f"{rule.name}({rule.argument})" if rule.argument else rule.name


_OF_DEFAULT_ROLE = words(
    Topic.ACCESS,
    added="Every new user is given the role “{word}”",
    removed="New users are no longer given the role “{word}”",
    added_is=WEAKER,
)


def _default_role(leaf: Leaf) -> Iterator[Change]:
    """Tell a default role that came or went by what it gives."""
    given = [((role or {}).get("composites") or {}).get("realm") for role in (leaf.before, leaf.after)]
    yield from _OF_DEFAULT_ROLE(msgspec.structs.replace(leaf, before=given[0] or [], after=given[1] or []))


_OF_SCOPE = words(
    Topic.ACCESS,
    added="Tokens may carry the role “{word}” where “{name}” is asked for",
    removed="Tokens no longer carry the role “{word}” where “{name}” is asked for",
    added_is=WEAKER,
)


def _scope_mapping(leaf: Leaf) -> Iterator[Change]:
    """Tell a mapping that came or went by the roles that it gives."""
    roles = [(mapping or {}).get("roles") or [] for mapping in (leaf.before, leaf.after)]
    yield from _OF_SCOPE(msgspec.structs.replace(leaf, before=roles[0], after=roles[1]))


REALM_MEANINGS: Mapping[tuple[str, ...], Meaning] = {
    ("enabled",): switch(
        Topic.LOGIN, on="The realm is served now", off="The realm is no longer served at all", on_is=NEUTRAL
    ),
    ("loginWithEmailAllowed",): switch(
        Topic.LOGIN,
        on="Customers may log in by e-mail address",
        off="Customers no longer log in by e-mail address",
        on_is=NEUTRAL,
    ),
    ("registrationAllowed",): switch(
        Topic.RECOVERY,
        on="Anybody may register as a customer",
        off="Nobody registers as a customer by themselves any more",
        on_is=WEAKER,
    ),
    ("resetPasswordAllowed",): switch(
        Topic.RECOVERY,
        on="Whoever forgot a password may set a new one: a recovery path is open",
        off="Nobody sets a forgotten password by themselves any more: a recovery path is closed",
        on_is=WEAKER,
    ),
    ("rememberMe",): switch(
        Topic.SESSION, on="A session may outlive the browser", off="No session outlives the browser", on_is=WEAKER
    ),
    ("verifyEmail",): switch(
        Topic.RECOVERY,
        on="An e-mail address must be verified",
        off="An e-mail address need not be verified any more",
        on_is=STRONGER,
    ),
    ("duplicateEmailsAllowed",): switch(
        Topic.RECOVERY,
        on="Two customers may have one e-mail address",
        off="Two customers cannot have one e-mail address any more",
        on_is=WEAKER,
    ),
    ("passwordPolicy",): _password_policy,
    ("bruteForceProtected",): switch(
        Topic.PROTECTION,
        on="Failures are counted, and guessing ends",
        off="Failures are not counted any more: guessing never ends",
        on_is=STRONGER,
    ),
    ("failureFactor",): number(Topic.PROTECTION, "Failures before a lock", less_is=STRONGER),
    ("permanentLockout",): switch(
        Topic.PROTECTION,
        on="A lock may become permanent",
        off="No lock is permanent any more",
        on_is=STRONGER,
    ),
    ("maxTemporaryLockouts",): number(Topic.PROTECTION, "Temporary locks before a permanent one", less_is=STRONGER),
    ("waitIncrementSeconds",): number(Topic.PROTECTION, "Length of the first lock", less_is=WEAKER, unit=_SECONDS),
    ("maxFailureWaitSeconds",): number(Topic.PROTECTION, "Longest temporary lock", less_is=WEAKER, unit=_SECONDS),
    ("maxDeltaTimeSeconds",): number(Topic.PROTECTION, "Failures are forgotten after", less_is=WEAKER, unit=_SECONDS),
    ("otpPolicyDigits",): number(Topic.PROTECTION, "Digits of a soft token's code", less_is=WEAKER),
    ("otpPolicyPeriod",): number(Topic.PROTECTION, "Life of a soft token's code", less_is=STRONGER, unit=_SECONDS),
    ("otpPolicyLookAheadWindow",): number(
        Topic.PROTECTION, "Codes of a soft token accepted beside the present one", less_is=STRONGER
    ),
    ("otpPolicyCodeReusable",): switch(
        Topic.PROTECTION,
        on="A soft token's code may be used twice",
        off="A soft token's code is used once",
        on_is=WEAKER,
    ),
    ("accessTokenLifespan",): _lifetime("Life of an access token"),
    ("accessTokenLifespanForImplicitFlow",): _lifetime("Life of an access token that goes through the browser"),
    ("accessCodeLifespan",): _lifetime("Life of an authorization code"),
    ("accessCodeLifespanLogin",): _lifetime("Time for a whole login"),
    ("accessCodeLifespanUserAction",): _lifetime("Time for a required action"),
    ("ssoSessionIdleTimeout",): _lifetime("A session ends when it was idle for"),
    ("ssoSessionMaxLifespan",): _lifetime("A session ends at the latest after"),
    ("offlineSessionIdleTimeout",): _lifetime("An offline session ends when it was idle for"),
    ("offlineSessionMaxLifespan",): _lifetime("An offline session ends at the latest after"),
    ("offlineSessionMaxLifespanEnabled",): switch(
        Topic.SESSION,
        on="Offline sessions end at some time",
        off="Offline sessions never end by age any more",
        on_is=STRONGER,
    ),
    ("revokeRefreshToken",): switch(
        Topic.SESSION,
        on="A refresh token is used once, and its second use is noticed",
        off="A refresh token may be used again and again: a stolen one is not noticed",
        on_is=STRONGER,
    ),
    ("defaultSignatureAlgorithm",): other(Topic.CLIENT, "Tokens are signed with"),
    ("identityProviders", "*"): entry(
        Topic.LOGIN,
        added="The identity provider “{name}” is trusted now",
        removed="The identity provider “{name}” is no longer trusted",
        added_is=WEAKER,
    ),
    ("identityProviders", "*", "enabled"): switch(
        Topic.LOGIN,
        on="The identity provider “{owner}” is trusted now",
        off="The identity provider “{owner}” is no longer trusted",
        on_is=WEAKER,
    ),
    ("maxSecondaryAuthFailures",): number(
        Topic.PROTECTION, "Failures of a second factor before a lock (0: as many as of the password)", less_is=NEUTRAL
    ),
    ("actionTokenGeneratedByUserLifespan",): _lifetime("A link that a customer asked for by e-mail is good for"),
    ("browserFlow",): other(Topic.LOGIN, "The login of the realm is the flow"),
    ("registrationFlow",): other(Topic.RECOVERY, "The registration of customers is the flow"),
    ("resetCredentialsFlow",): other(Topic.RECOVERY, "What somebody does who forgot a password is the flow"),
    ("clientAuthenticationFlow",): other(Topic.CLIENT, "What says how applications may prove themselves is the flow"),
    ("smtpServer", "*"): other(Topic.OTHER, "How letters are sent: {name}"),
    ("scopeMappings", "*"): _scope_mapping,
    ("clientScopeMappings", "*", "*"): _scope_mapping,
    ("scopeMappings", "*", "roles"): words(
        Topic.ACCESS,
        added="Tokens may carry the role “{word}” where “{owner}” is asked for",
        removed="Tokens no longer carry the role “{word}” where “{owner}” is asked for",
        added_is=WEAKER,
    ),
    ("clientScopeMappings", "*", "*", "roles"): words(
        Topic.ACCESS,
        added="Tokens may carry the role “{word}” of “{path[1]}” where “{owner}” is asked for",
        removed="Tokens no longer carry the role “{word}” of “{path[1]}” where “{owner}” is asked for",
        added_is=WEAKER,
    ),
    ("roles", "realm", "*", "composites", "client", "*"): words(
        Topic.ACCESS,
        added="Whoever has the role “{path[2]}” is given “{word}” of “{name}” with it",
        removed="“{word}” of “{name}” no longer comes with the role “{path[2]}”",
        added_is=WEAKER,
    ),
    ("requiredActions", "*"): entry(
        Topic.RECOVERY,
        added="The required action {name} can be asked for",
        removed="The required action {name} can no longer be asked for",
    ),
    ("requiredActions", "*", "enabled"): switch(
        Topic.RECOVERY,
        on="The required action {owner} can be asked for",
        off="The required action {owner} can no longer be asked for",
        on_is=NEUTRAL,
    ),
    ("requiredActions", "*", "defaultAction"): switch(
        Topic.RECOVERY,
        on="{owner} is asked of every new user",
        off="{owner} is no longer asked of new users",
        on_is=NEUTRAL,
    ),
    ("roles", "realm", "*"): entry(
        Topic.ACCESS, added="There is a role “{name}”", removed="There is no role “{name}” any more"
    ),
    ("roles", "client", "*", "*"): entry(
        Topic.ACCESS, added="“{owner}” has a role “{name}”", removed="“{owner}” has no role “{name}” any more"
    ),
    ("roles", "realm", "*", "composites", "realm"): words(
        Topic.ACCESS,
        added_is=WEAKER,
        added="Whoever has the role “{path[2]}” is given “{word}” with it",
        removed="“{word}” no longer comes with the role “{path[2]}”",
    ),
    ("defaultRole", "composites", "realm"): _OF_DEFAULT_ROLE,
    ("defaultRole",): _default_role,
    ("defaultGroups",): words(
        Topic.ACCESS,
        added="Every new user is in the group “{word}”",
        removed="New users are no longer in the group “{word}”",
        added_is=WEAKER,
    ),
    ("groups", "*", "realmRoles"): words(
        Topic.ACCESS,
        added="The group “{owner}” gives the role “{word}”",
        removed="The group “{owner}” no longer gives the role “{word}”",
        added_is=WEAKER,
    ),
    ("groups", "*"): entry(
        Topic.ACCESS, added="There is a group “{name}”", removed="There is no group “{name}” any more"
    ),
    ("clientScopes", "*"): entry(
        Topic.ACCESS, added="There is a client scope “{name}”", removed="There is no client scope “{name}” any more"
    ),
    ("clientScopes", "*", "protocolMappers", "*"): entry(
        Topic.ACCESS,
        added="Tokens of the scope “{path[1]}” say what the mapper “{name}” writes",
        removed="Tokens of the scope “{path[1]}” no longer say what the mapper “{name}” writes",
    ),
    ("defaultDefaultClientScopes",): words(
        Topic.ACCESS,
        added="Clients that name no scopes are given “{word}”",
        removed="Clients that name no scopes are no longer given “{word}”",
        added_is=WEAKER,
    ),
    ("clientPolicies", "policies", "*"): entry(
        Topic.CLIENT,
        added="There is a client policy “{name}”",
        removed="There is no client policy “{name}” any more",
        added_is=STRONGER,
    ),
    ("clientPolicies", "policies", "*", "enabled"): switch(
        Topic.CLIENT,
        on="The client policy “{owner}” is enforced",
        off="The client policy “{owner}” is no longer enforced",
        on_is=STRONGER,
    ),
    ("clientPolicies", "policies", "*", "profiles"): words(
        Topic.CLIENT,
        added="The client policy “{owner}” demands the profile “{word}”",
        removed="The client policy “{owner}” no longer demands the profile “{word}”",
        added_is=STRONGER,
    ),
    ("clientProfiles", "profiles", "*", "executors", "*"): entry(
        Topic.CLIENT,
        added="The client profile “{path[2]}” demands “{name}”",
        removed="The client profile “{path[2]}” no longer demands “{name}”",
        added_is=STRONGER,
    ),
    ("components", "*", "*"): entry(
        Topic.OTHER, added="There is a component “{name}”", removed="There is no component “{name}” any more"
    ),
    ("attributes", "hyrja.acknowledgedFindings"): other(
        Topic.OTHER, "The findings that two people have acknowledged changed"
    ),
}
"""Place → what a change there means."""
