"""The conditions that guard CONDITIONAL sub-flows, by what they look at. Ids and settings are Keycloak's."""

from __future__ import annotations
