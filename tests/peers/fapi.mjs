// openid-client 6 (certified for FAPI) with clients of a realm file: keys by value, certificates, client policies.
//
//   node fapi.mjs CONFIGURATION '{"issuer": …, "configuration": {one of the suite's}, …}'

import assert from "node:assert/strict";
import * as client from "openid-client";
import * as oauth from "oauth4webapi";
import { Agent, fetch as undiciFetch } from "undici";
import { Person } from "./person.mjs";

const [name, text] = process.argv.slice(2);
const given = JSON.parse(text);
const { configuration } = given;
const [family, authentication, sender] = /^(.*?)-(private-key-jwt|mtls)-(dpop|mtls)$/.exec(name).slice(1);

const withCertificate = ({ cert, key }) => {
  const dispatcher = new Agent({ connect: { cert, key, ca: given.ca } });
  return (address, options) => undiciFetch(address, { ...options, dispatcher });
};

async function signingKey(jwks) {
  const [jwk] = jwks.keys;
  const key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  return { key, kid: jwk.kid };
}

async function connected(holder, certificate) {
  const key = await signingKey(holder.jwks);
  const usesCertificate = authentication === "mtls" || sender === "mtls";
  const config = await client.discovery(
    new URL(given.issuer),
    holder.client_id,
    {
      id_token_signed_response_alg: "ES256",
      authorization_signed_response_alg: "ES256",
      use_mtls_endpoint_aliases: usesCertificate,
    },
    authentication === "mtls" ? client.TlsClientAuth() : client.PrivateKeyJwt(key),
    { [client.customFetch]: usesCertificate ? withCertificate(certificate) : undefined },
  );
  const DPoP = sender === "dpop" ? client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256")) : undefined;
  return { config, key, options: { DPoP }, callback: given.callback };
}

async function request(callback) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedNonce: client.randomNonce(), expectedState: client.randomState() };
  const parameters = {
    redirect_uri: callback,
    scope: "openid accounts",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  };
  return { checks, parameters };
}

async function address({ config, key, options }, parameters, { signed, pushed }) {
  if (!signed) return client.buildAuthorizationUrlWithPAR(config, parameters, options);
  const direct = await client.buildAuthorizationUrlWithJAR(config, parameters, key);
  if (!pushed) return direct;
  return client.buildAuthorizationUrlWithPAR(config, { request: direct.searchParams.get("request") }, options);
}

async function tokensOf(party, manner) {
  const { parameters, checks } = await request(party.callback);
  const back = await new Person().goTo(await address(party, parameters, manner), party.callback);
  return client.authorizationCodeGrant(party.config, back, checks, undefined, party.options);
}

async function accountsOf(party, tokens, fetching) {
  const url = new URL(configuration.resource.resourceUrl);
  if (party.options.DPoP !== undefined) {
    return client.fetchProtectedResource(party.config, tokens.access_token, url, "GET", undefined, undefined, party.options);
  }
  return fetching(url, { headers: { authorization: `Bearer ${tokens.access_token}` } });
}

async function resourceIsServedToTheHolderOnly(party, tokens) {
  const own = await accountsOf(party, tokens, withCertificate(configuration.mtls));
  assert.equal(own.status, 200);
  assert.equal((await own.json()).accounts.length, 2);
  const bearer = { headers: { authorization: `Bearer ${tokens.access_token}` } };
  for (const fetching of [fetch, withCertificate(configuration.mtls2)]) {
    assert.equal((await fetching(configuration.resource.resourceUrl, bearer)).status, 401);
  }
}

const families = {
  async fapi1(party) {
    for (const pushed of [false, true]) {
      const detached = { ...party, config: (await connected(configuration.client, configuration.mtls)).config };
      client.useCodeIdTokenResponseType(detached.config);
      client.enableDetachedSignatureResponseChecks(detached.config);
      await resourceIsServedToTheHolderOnly(detached, await tokensOf(detached, { signed: true, pushed }));
      const jarm = { ...party, config: (await connected(configuration.client, configuration.mtls)).config };
      client.useJwtResponseMode(jarm.config);
      await resourceIsServedToTheHolderOnly(jarm, await tokensOf(jarm, { signed: true, pushed }));
    }
    const { parameters } = await request(party.callback);
    const plain = client.buildAuthorizationUrl(party.config, { ...parameters, response_type: "code id_token" });
    const back = await new Person().goTo(plain, party.callback);
    assert.match(back.href, /error=invalid_request/);
  },

  async fapi2(party) {
    const tokens = await tokensOf(party, { signed: false, pushed: true });
    await resourceIsServedToTheHolderOnly(party, tokens);
    const { parameters } = await request(party.callback);
    const back = await new Person().goTo(client.buildAuthorizationUrl(party.config, parameters), party.callback);
    assert.equal(back.searchParams.get("error"), "invalid_request");
    assert.equal(back.searchParams.get("iss"), given.issuer);
    // No rotation: the first refresh token works as often as it is used (its text may come back with a later `exp`).
    for (const _ of [1, 2]) {
      const refreshed = await client.refreshTokenGrant(party.config, tokens.refresh_token, undefined, party.options);
      assert.ok(refreshed.access_token);
    }
  },

  async "fapi2-signing"(party) {
    client.useJwtResponseMode(party.config);
    await resourceIsServedToTheHolderOnly(party, await tokensOf(party, { signed: true, pushed: true }));
    const { parameters } = await request(party.callback);
    await assert.rejects(address(party, parameters, { signed: false, pushed: true }), { status: 400 });
  },

  async ciba(party) {
    for (const action of ["allow", "deny"]) {
      const signed = await oauth.issueRequestObject(
        { issuer: given.issuer },
        { client_id: configuration.client.client_id },
        { scope: "openid accounts", login_hint: "alice", binding_message: "1234", requested_expiry: "60" },
        party.key,
      );
      const waiting = await client.initiateBackchannelAuthentication(party.config, { request: signed });
      const decided = configuration.automated_ciba_approval_url
        .replace("{auth_req_id}", waiting.auth_req_id)
        .replace("{action}", action);
      assert.ok((await fetch(decided, { method: "POST" })).ok);
      const polling = client.pollBackchannelAuthenticationGrant(party.config, { ...waiting, interval: 1 });
      if (action === "deny") await assert.rejects(polling, { error: "access_denied" });
      else await resourceIsServedToTheHolderOnly(party, await polling);
    }
  },
};

await families[family](await connected(configuration.client, configuration.mtls));
