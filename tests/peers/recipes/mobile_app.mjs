// A banking app on a phone: a public client (it can keep no secret), PKCE, an address of its own, tokens bound to a key
// that never leaves the phone. Any fetch and any store will do: nothing here is a browser's.

import * as oauth from "oauth4webapi";

export async function connect(issuer, clientId) {
  const address = new URL(issuer);
  const server = await oauth.processDiscoveryResponse(address, await oauth.discoveryRequest(address));
  const client = { client_id: clientId };
  const key = await oauth.generateKeyPair("ES256"); // in the phone's key store; not extractable
  return { server, client, DPoP: oauth.DPoP(client, key) };
}

// Opens in the system's browser, never in a web view: https://www.rfc-editor.org/rfc/rfc8252#section-8.12
export async function loginAddress({ server, client }, redirectUri) {
  const login = {
    redirectUri,
    verifier: oauth.generateRandomCodeVerifier(),
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
  };
  const address = new URL(server.authorization_endpoint);
  address.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: "code",
    scope: "openid profile accounts offline_access",
    state: login.state,
    nonce: login.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(login.verifier),
    code_challenge_method: "S256",
  }).toString();
  return { address, login };
}

// The system hands the app the address that the browser was sent to.
export async function loggedIn({ server, client, DPoP }, login, calledBackWith) {
  const parameters = oauth.validateAuthResponse(server, client, calledBackWith, login.state); // checks iss, too
  const send = () =>
    oauth.authorizationCodeGrantRequest(
      server, client, oauth.None(), parameters, login.redirectUri, login.verifier, { DPoP },
    );
  return withNonce(send, (response) =>
    oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: login.nonce, requireIdToken: true }),
  );
}

// The refresh token changes with every use: keep the new one before you use the access token.
export async function refreshed({ server, client, DPoP }, refreshToken) {
  const send = () => oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, { DPoP });
  return withNonce(send, (response) => oauth.processRefreshTokenResponse(server, client, response));
}

export async function accounts({ DPoP }, accessToken, api) {
  const response = await oauth.protectedResourceRequest(accessToken, "GET", new URL(api), undefined, undefined, { DPoP });
  return (await response.json()).accounts;
}

// The server may ask for a nonce of its own (RFC 9449 §8): the library has kept it, so ask once more.
async function withNonce(send, process) {
  try {
    return await process(await send());
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return process(await send());
  }
}
