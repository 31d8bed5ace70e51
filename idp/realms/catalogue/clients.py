"""Rules about clients and the policies that they are held to."""

from __future__ import annotations

from idp.realms.catalogue.rule import grave, told, unwise

_ADDRESSES = (
    grave(
        "C-REDIRECT",
        "No address to return to, or one that is none",
        "Codes could go elsewhere, or nowhere.",
        "RFC 6749 §3.1.2",
        "RFC 9700 §2.1",
        "CVE-2024-8883",
    ),
    grave(
        "C-REDIRECT-HTTP",
        "A code that returns over plain http",
        "Whoever is on the way reads it.",
        "FAPI 2.0 Security Profile §5.3.2.2",
        "RTS (EU) 2018/389 Art. 4(3)(c)",
    ),
    unwise(
        "C-REDIRECT-WILDCARD",
        "A redirect address with an asterisk",
        "One open redirector or page of strangers below that address suffices to get codes.",
        "RFC 9700 §4.1",
        "ASVS 5.0 10.4.1",
        "CVE-2023-6291",
    ),
    grave(
        "C-LOGOUT-ADDRESS",
        "An address for logouts that is none",
        "An application would keep a session that has ended, or a person would be sent to strangers.",
        "OpenID Connect Back-Channel Logout 1.0 §2.2",
        "OpenID Connect RP-Initiated Logout 1.0 §3.1",
    ),
    unwise("C-ORIGIN", "Every site may call", "A browser would hand answers to any page.", "ASVS 5.0 3.4.2"),
    unwise(
        "C-DISPLAY",
        "A logo or link that is not https",
        "Whoever is on the way changes what the customer sees at the moment of consent; it is not shown.",
        "OpenID Connect Dynamic Client Registration 1.0 §9.1",
    ),
    grave(
        "C-REQUEST-URI",
        "A request address that is no whole https address",
        "The provider would fetch what an attacker chose.",
        "RFC 9101 §10.4",
        "CVE-2020-10770",
    ),
    grave("C-RESOURCE", "A resource that is no absolute URI", "A token's audience would name nobody.", "RFC 8707 §2"),
)

_REACH = (
    unwise(
        "C-FULL-SCOPE",
        "Every role in every token",
        "One application that is broken into can act with all rights of its customers elsewhere.",
        "RFC 9700 §2.3",
        "ASVS 5.0 10.4.11",
    ),
    unwise(
        "C-OFFLINE-DEFAULT",
        "Offline access without being asked for",
        "Every login leaves a token behind that outlives the logout.",
        "OpenID Connect Core 1.0 §11",
        "ASVS 5.0 10.4.11",
    ),
    grave(
        "C-REDIRECT-HOST",
        "A redirect address whose host is open",
        "In Keycloak codes can be sent to a stranger's host.",
        "RFC 9700 §4.1",
        "CVE-2024-8883",
        "CVE-2026-3872",
    ),
    unwise(
        "C-REDIRECT-USER",
        "A redirect address with a user before its host",
        "People and programs read it as another host.",
        "RFC 9700 §4.1",
        "CVE-2024-1132",
    ),
    unwise(
        "C-REDIRECT-SCHEME",
        "A private scheme that anybody can claim",
        "Another application on the phone gets the code.",
        "RFC 8252 §7.1",
        "RFC 8252 §8.4",
    ),
    unwise(
        "C-ORIGIN-HTTP",
        "An origin that is not https",
        "Whoever is on the way writes the page that may read answers.",
        "ASVS 5.0 3.4.2",
    ),
    unwise(
        "C-ORIGIN-PATH",
        "An origin with a path",
        "It never fits: the application does not work, and somebody will write an asterisk.",
        "RFC 6454 §7",
    ),
    unwise(
        "C-OUTBOUND",
        "An address inside of the network",
        "The provider can be made to call what only it can reach.",
        "CVE-2026-1180",
        "CVE-2020-10770",
        "RFC 9101 §10.4",
    ),
)

_PROOF = (
    grave(
        "C-SECRET",
        "A confidential client without a secret",
        "Anybody could be this client, or nobody could.",
        "RFC 6749 §2.3.1",
    ),
    unwise(
        "C-SECRET-SHORT",
        "A secret that can be guessed",
        "It protects every code and refresh token of the client.",
        "FAPI 2.0 Security Profile §5.4",
        "RFC 6749 §10.10",
    ),
    grave("C-VAULT", "A secret that the vault does not have", "The client could not prove itself."),
    grave(
        "C-AUTHENTICATOR",
        "A way to authenticate that is not there",
        "The client could not prove itself, or by something weaker.",
        "ASVS 5.0 10.4.10",
    ),
    unwise(
        "C-AUTHENTICATOR-OFF",
        "A client whose way to authenticate the realm does not accept",
        "Every request of the client is refused, however well it proves itself.",
        "RFC 6749 §2.3",
    ),
    grave("C-JWT-KEYS", "Assertions without readable keys", "The client could not prove itself.", "RFC 7523 §3"),
    grave(
        "C-JWT-ADDRESS",
        "Keys that are fetched over plain http",
        "Whoever is on the way puts their own key in and becomes the client.",
        "OpenID Connect Core 1.0 §10.1.1",
    ),
    grave("C-JWT-ALG", "Assertions of no known algorithm", "The client could not prove itself.", "RFC 8725 §3.1"),
    grave(
        "C-JWT-LIFE",
        "Assertions that live long, or for no number of seconds",
        "One that leaked can be used for as long.",
        "RFC 7523 §3",
    ),
    unwise(
        "C-JWT-AUDIENCE",
        "Assertions that may name an endpoint",
        "Another server can have an assertion made that is good here.",
        "RFC 10070",
        "FAPI 2.0 Security Profile §5.3.2.1",
        "CVE-2025-27370",
    ),
    grave(
        "C-X509-NAME",
        "A certificate without exactly one readable name",
        "It cannot be told whose certificate it is.",
        "RFC 8705 §2.1.2",
    ),
    grave(
        "C-X509-KEY",
        "A self-signed certificate whose key is not registered",
        "The client could not prove itself.",
        "RFC 8705 §2.2",
    ),
    grave(
        "C-X509-ANYBODY",
        "A pattern that every certificate fits",
        "Any certificate of any trusted authority is this client.",
        "RFC 8705 §2.1",
    ),
    unwise(
        "C-X509-PATTERN",
        "A certificate that is known by a pattern",
        "What else fits it is this client too.",
        "RFC 8705 §2.1",
    ),
    unwise(
        "C-PKCE",
        "PKCE is left to choice",
        "An intercepted or injected code can be redeemed.",
        "RFC 9700 §2.1.1",
        "ASVS 5.0 10.4.6",
        "CVE-2024-23647",
    ),
    unwise(
        "C-GRANT",
        "Tokens through the browser, or passwords through the application",
        "Tokens leak from addresses and histories; an application that sees passwords can keep them.",
        "RFC 9700 §2.1.2",
        "RFC 9700 §2.4",
    ),
    grave(
        "C-SERVICE-ACCOUNT", "A public client with a service account", "Anybody could be this service.", "RFC 6749 §4.4"
    ),
    unwise(
        "C-SERVICE-REFRESH",
        "A refresh token for a service account",
        "It is one more long-lived secret, and is not given.",
        "RFC 6749 §4.4.3",
    ),
)

_ANSWERS = (
    unwise("C-SCOPE", "A scope that the realm does not have", "The client gets less than it is written to get."),
    grave(
        "C-UNSIGNED",
        "ID tokens without a signature",
        "Whoever is between can say who logged in.",
        "OpenID Connect Core 1.0 §2",
        "RFC 8725 §3.2",
    ),
    grave(
        "C-ENCRYPTION",
        "Encrypted answers without a key",
        "The client would get no answer.",
        "OpenID Connect Core 1.0 §10.2",
    ),
    grave(
        "C-PAIRWISE",
        "Pairwise subjects of no one sector",
        "Clients that must not be able to compare customers could.",
        "OpenID Connect Core 1.0 §8.1",
    ),
    grave(
        "C-REQUEST-KEYS", "Signed requests without keys", "No request of the client could be verified.", "RFC 9101 §6.2"
    ),
    unwise(
        "C-REQUEST-UNSIGNED",
        "Request objects without a signature",
        "Whoever is between can change the request.",
        "RFC 9101 §10.1",
        "FAPI 2.0 Message Signing §5.3",
    ),
    grave(
        "C-ACR",
        "A minimum level that no login reaches",
        "Nobody could log in, or the bound would not be kept.",
        "OpenID Connect Core 1.0 §3.1.2.1",
        "ASVS 5.0 10.3.4",
    ),
    unwise(
        "C-DETAILS",
        "A type of authorization details that the realm does not have",
        "Requests of that type are refused.",
        "RFC 9396 §10",
    ),
    grave(
        "C-ATTRIBUTE",
        "An attribute of a client that is no number",
        "A default would stand in for a bound that somebody has chosen.",
    ),
)

_PENDING = (
    grave(
        "C-DEVICE-LIFE",
        "A device code that lives too long",
        "A phisher has as long to talk somebody into typing it.",
        "RFC 8628 §5.4",
    ),
    grave(
        "C-CIBA-MODE",
        "Tokens that would be pushed",
        "They would go to an address instead of to who proved to be the client.",
        "FAPI CIBA §5.2.2",
    ),
    grave(
        "C-CIBA-NOTIFY",
        "Pings without an https address",
        "Whoever is on the way reads the client's notification token.",
        "OpenID Connect CIBA Core 1.0 §4",
    ),
    grave(
        "C-CIBA-KEYS",
        "Signed CIBA requests without keys",
        "No request of the client could be verified.",
        "OpenID Connect CIBA Core 1.0 §7.1.1",
    ),
    grave(
        "C-CIBA-PUBLIC",
        "A public client that would ask customers",
        "Anybody could make customers' phones ask.",
        "OpenID Connect CIBA Core 1.0 §7.1",
        "ASVS 5.0 6.6.4",
    ),
)

_FOREIGN = (
    unwise("C-PROTOCOL", "A client of another protocol", "Its customers cannot log in to it here."),
    told("C-BEARER-ONLY", "A client that asks for nothing", "It is kept for its roles, and is not served."),
)

_POLICIES = (
    grave(
        "C-POLICY-PROFILE", "A policy that names a profile which is not there", "It would protect less than it says."
    ),
    grave(
        "C-POLICY-EXECUTOR",
        "A profile that names an executor which is not there",
        "It would protect less than it says.",
    ),
    grave(
        "C-POLICY-CONDITION",
        "A policy whose clients cannot be told",
        "It would be about fewer clients than was meant, or none.",
    ),
    grave(
        "C-POLICY-VIOLATED",
        "A client that does not keep its policy",
        "The bank has said what its clients must be like.",
        "FAPI 2.0 Security Profile §5.3",
    ),
    unwise("C-POLICY-IDLE", "A policy about no client", "Nobody is held to it."),
    unwise("C-POLICY-NO-EFFECT", "An executor or setting without effect", "The policy does less than it says."),
    unwise("C-POLICY-BUILT-IN", "A profile with the name of a built-in one", "Readers take it for the built-in one."),
    told(
        "C-POLICY-STRICT",
        "A condition that is decided for the client as a whole",
        "The policy applies to more requests than Keycloak's would.",
    ),
)

CLIENT_RULES = (*_ADDRESSES, *_REACH, *_PROOF, *_ANSWERS, *_PENDING, *_FOREIGN, *_POLICIES)
