"""Telling a customer that an application waits for their answer: a message with a link.

The link leads to our own host and names nobody: whoever else reads it still has to log in as that customer. What the
application wrote (the binding message) is not in it: a stranger's words in a message of the bank are how people are
tricked.
"""

from __future__ import annotations

from urllib.parse import urlencode

from idp.flows.messages.sending import MessageRefusedError, Wanted, sent_by_bank
from idp.model.client import Client
from idp.model.pending import PendingAuthorization
from idp.model.user import User
from idp.oidc.provider import Provider
from idp.ports import MessageUndeliveredError

# Written within GSM 03.38, as the codes are: one letter outside it (ë, ç) doubles the price of the message.
_TEXTS = {
    "sq": "{realm}: {client} pret miratimin tuaj. Vendosni te {link}",
    "en": "{realm}: {client} asks for your approval. Log in to decide: {link}",
    "it": "{realm}: {client} chiede la sua approvazione. Acceda per decidere: {link}",
}


async def tell_customer(
    provider: Provider, client: Client, user: User, pending: PendingAuthorization, ticket: str
) -> None:
    """Send the message, if there is a way to; a customer who is not reached lets the request expire."""
    if provider.sms is None or not user.phone:
        return
    error, wanted = None, Wanted(number=user.phone, user_id=user.id)
    try:
        carried = await sent_by_bank(
            provider.stores.throttle,
            provider.sms,
            provider.realm(),
            wanted,
            _text(provider, client, user, ticket),
        )
        detail = {"gateway": carried.gateway}
    except MessageRefusedError as refusal:
        error, detail = "sms_refused", refusal.refused.detail
    except MessageUndeliveredError:
        error, detail = "sms_undelivered", {}
    await provider.record(
        "SEND_SMS" if error is None else "SEND_SMS_ERROR",
        transaction_id=pending.transaction_id,
        user_id=user.id,
        client_id=client.client_id,
        error=error,
        detail={"to": f"{user.phone[:4]} •• ••• •{user.phone[-2:]}", "for": "approval", **detail},
    )


def _text(provider: Provider, client: Client, user: User, ticket: str) -> str:
    realm = provider.realm()
    locale = user.attribute("locale") or realm.default_locale
    words = realm.texts.get(locale, {}).get("cibaSms") or _TEXTS.get(locale, _TEXTS["en"])
    link = f"{provider.issuer}/ciba?{urlencode({'ticket': ticket})}"
    # The name last: what an administrator called the client cannot bring in another link.
    return words.replace("{realm}", realm.title).replace("{link}", link).replace("{client}", client.title)
