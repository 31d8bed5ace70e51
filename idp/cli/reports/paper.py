"""The templates of the pages that are handed to auditors: one look, no script, nothing loaded."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

_ENVIRONMENT = Environment(
    loader=PackageLoader("idp.cli", "reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def template(name: str) -> Template:
    """Return a page's template."""
    return _ENVIRONMENT.get_template(name)
