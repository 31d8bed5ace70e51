// A payment initiator under FAPI 2.0: the payment itself is what the customer agrees to. The request is pushed and
// signed, the answer is signed, the client proves itself with a key, the token is bound to another, and it is good for
// exactly this payment.

import * as client from "openid-client";

export async function connect(issuer, clientId, { signingKey, kid }) {
  const config = await client.discovery(
    new URL(issuer),
    clientId,
    { authorization_signed_response_alg: "ES256", id_token_signed_response_alg: "ES256" },
    client.PrivateKeyJwt({ key: signingKey, kid }),
  );
  client.useJwtResponseMode(config);
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
  return { config, DPoP, signing: { key: signingKey, kid } };
}

export async function paymentAddress({ config, DPoP, signing }, redirectUri, payment) {
  const verifier = client.randomPKCECodeVerifier();
  const login = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() };
  const request = {
    redirect_uri: redirectUri,
    scope: "openid payments",
    authorization_details: JSON.stringify([{ type: "payment_initiation", ...payment }]),
    state: login.expectedState,
    nonce: login.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  };
  const signed = await client.buildAuthorizationUrlWithJAR(config, request, signing);
  const pushed = { request: signed.searchParams.get("request") };
  return { address: await client.buildAuthorizationUrlWithPAR(config, pushed, { DPoP }), login };
}

export async function paid({ config, DPoP }, login, calledBackWith, api, payment) {
  const tokens = await client.authorizationCodeGrant(config, calledBackWith, login, undefined, { DPoP });
  const headers = new Headers({ "content-type": "application/json" });
  const body = JSON.stringify(payment);
  return client.fetchProtectedResource(config, tokens.access_token, new URL(api), "POST", body, headers, { DPoP });
}
