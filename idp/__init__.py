"""Hyrja: an OpenID Connect identity provider whose login is a flow that an administrator configures.

The rooms, from the top (imports point down only): `cli`, `app`, `stores`/`gateways`, `settings`, `softtoken`/`login`,
`oidc`, `web`, `flows`, `realms`, `audit`, `crypto`, `ports`, `model`. `docs/architecture.md` walks through them.
"""

__version__ = "0.1.0"
