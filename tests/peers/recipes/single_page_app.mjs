// A single-page app: a public client with PKCE by oidc-client-ts. Tokens live in the page's memory, not in its storage.

import { InMemoryWebStorage, UserManager, WebStorageStateStore } from "oidc-client-ts";

export function bank(issuer, clientId) {
  return new UserManager({
    authority: issuer,
    client_id: clientId,
    redirect_uri: `${location.origin}/single-page-app`,
    post_logout_redirect_uri: `${location.origin}/single-page-app?bye`,
    scope: "openid profile email",
    userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    loadUserInfo: true, // claims come from UserInfo; an ID token need not carry them
    automaticSilentRenew: false, // renew by refresh token, when the API says 401
  });
}

// On the page that the provider sends the browser back to; the address is cleaned of code and state afterwards.
export async function loggedIn(manager) {
  const user = await manager.signinRedirectCallback();
  history.replaceState({}, "", location.pathname);
  return user;
}
