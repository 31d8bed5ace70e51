"""What every proof assumes; it stands at the end of each, in its certificate, and in `docs/assurance.md`."""

from __future__ import annotations

ASSUMPTIONS = (
    "A customer's name is no secret; whoever wants to knows it.",
    "A password, a soft token and the messages to a number are three things: to hold one is not to hold another.",
    "Who receives the messages to a number received the first password too, if it was sent there and is still valid.",
    "Each kind of customer is judged from the stage of life at which it stands; the attacker acts from there on.",
    "Steps do what their contracts say: a code is guessed only within the counters, a session's cookie is not stolen.",
    "What officers, operators and the delivery of a password by another way than SMS do lies outside the realm file.",
    "A session answers for a factor that it has proven, if the credential is still there: as if it were proven again.",
    "What a file does not know (roles, attributes, scopes, networks) may be so or not, and stays so within one login.",
    "A refresh token, a token exchange and an approval on another device rest on such a session.",
    "The password grant runs a flow, too; a JWT bearer assertion brings no evidence, and says the lowest level.",
)
