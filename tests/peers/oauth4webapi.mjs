// oauth4webapi 3 (certified) as a bank's applications: a phone's, and one that asks for signed answers.
//
//   node oauth4webapi.mjs SCENARIO '{"issuer": …, "resource": …}'

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { Person } from "./person.mjs";
import * as phone from "./recipes/mobile_app.mjs";

const CALLBACK = "https://app.example/callback";

async function registered(given, metadata) {
  const address = new URL(given.issuer);
  const server = await oauth.processDiscoveryResponse(address, await oauth.discoveryRequest(address));
  const response = await oauth.dynamicClientRegistrationRequest(server, { redirect_uris: [CALLBACK], ...metadata });
  return { server, client: await oauth.processDynamicClientRegistrationResponse(response) };
}

const scenarios = {
  async "the phone's recipe: login, accounts, refresh, and nothing for a thief"(given) {
    const { client } = await registered(given, {
      application_type: "native",
      redirect_uris: ["al.bank.app:/callback"],
      token_endpoint_auth_method: "none",
      dpop_bound_access_tokens: true,
      grant_types: ["authorization_code", "refresh_token"],
      scope: "openid profile accounts offline_access",
    });
    const app = await phone.connect(given.issuer, client.client_id);
    const { address, login } = await phone.loginAddress(app, "al.bank.app:/callback");
    const back = await new Person().goTo(address, "al.bank.app:/callback");
    const tokens = await phone.loggedIn(app, login, back);
    assert.equal((await phone.accounts(app, tokens.access_token, given.resource)).length, 2);
    const next = await phone.refreshed(app, tokens.refresh_token);
    assert.notEqual(next.refresh_token, tokens.refresh_token);
    assert.equal((await phone.accounts(app, next.access_token, given.resource)).length, 2);

    const stolen = await fetch(given.resource, { headers: { authorization: `Bearer ${next.access_token}` } });
    assert.equal(stolen.status, 401);
    const thief = await phone.connect(given.issuer, client.client_id);
    await assert.rejects(phone.accounts(thief, next.access_token, given.resource));
    await assert.rejects(phone.refreshed(thief, next.refresh_token));
  },

  async "signed user info and signed introspection"(given) {
    const { server, client } = await registered(given, {
      userinfo_signed_response_alg: "ES256",
      introspection_signed_response_alg: "ES256",
      id_token_signed_response_alg: "ES256",
      token_endpoint_auth_method: "client_secret_basic",
    });
    const secret = oauth.ClientSecretBasic(client.client_secret);
    const verifier = oauth.generateRandomCodeVerifier();
    const address = new URL(server.authorization_endpoint);
    address.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: CALLBACK,
      response_type: "code",
      scope: "openid email",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    }).toString();
    const back = await new Person().goTo(address, CALLBACK);
    const parameters = oauth.validateAuthResponse(server, client, back, oauth.expectNoState);
    const exchange = await oauth.authorizationCodeGrantRequest(server, client, secret, parameters, CALLBACK, verifier);
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, exchange, { requireIdToken: true });
    await oauth.validateApplicationLevelSignature(server, exchange);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);

    const about = await oauth.userInfoRequest(server, client, tokens.access_token);
    assert.match(about.headers.get("content-type"), /^application\/jwt/);
    const claims = await oauth.processUserInfoResponse(server, client, sub, about);
    await oauth.validateApplicationLevelSignature(server, about);
    assert.equal(claims.email, "alice@bank.example");

    const asked = await oauth.introspectionRequest(server, client, secret, tokens.access_token, { requestJwtResponse: true });
    assert.match(asked.headers.get("content-type"), /^application\/token-introspection\+jwt/);
    const known = await oauth.processIntrospectionResponse(server, client, asked);
    await oauth.validateApplicationLevelSignature(server, asked);
    assert.equal(known.active, true);
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, secret, tokens.access_token));
    const dead = await oauth.userInfoRequest(server, client, tokens.access_token);
    assert.equal(dead.status, 401);
  },

  async "a device without a browser"(given) {
    const { server, client } = await registered(given, {
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
      response_types: [],
      redirect_uris: [],
      token_endpoint_auth_method: "client_secret_basic",
      scope: "openid email",
    });
    const secret = oauth.ClientSecretBasic(client.client_secret);
    const begun = async () => {
      const asked = await oauth.deviceAuthorizationRequest(server, client, secret, { scope: "openid email" });
      return oauth.processDeviceAuthorizationResponse(server, client, asked);
    };
    const redeemed = async ({ device_code }) => {
      const answer = await oauth.deviceCodeGrantRequest(server, client, secret, device_code);
      return oauth.processDeviceCodeResponse(server, client, answer);
    };
    const finished = `${given.issuer}/device/status`;

    const codes = await begun();
    await assert.rejects(redeemed(codes), { error: "authorization_pending" });
    await assert.rejects(redeemed(codes), { error: "slow_down" });
    const person = new Person();
    const allowed = await person.goTo(codes.verification_uri_complete, finished);
    assert.equal(allowed.searchParams.get("error"), null);
    assert.ok(person.visited.at(-1).html.includes(codes.user_code), "the code is shown to be compared");
    const tokens = await redeemed(codes);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    const about = await oauth.userInfoRequest(server, client, tokens.access_token);
    assert.equal((await oauth.processUserInfoResponse(server, client, sub, about)).email, "alice@bank.example");
    await assert.rejects(redeemed(codes), { error: "invalid_grant" });

    const refused = await begun();
    const told = await new Person().goTo(refused.verification_uri_complete, finished, { refuse: true });
    assert.equal(told.searchParams.get("error"), "access_denied");
    await assert.rejects(redeemed(refused), { error: "access_denied" });
  },

  async "a customer who is asked on another device"(given) {
    const { server, client } = await registered(given, {
      grant_types: ["urn:openid:params:grant-type:ciba", "refresh_token"],
      response_types: [],
      redirect_uris: [],
      backchannel_token_delivery_mode: "poll",
      token_endpoint_auth_method: "client_secret_basic",
      scope: "openid email",
    });
    const secret = oauth.ClientSecretBasic(client.client_secret);
    const begun = async (asking) => {
      const parameters = { scope: "openid email", binding_message: "4711", ...asking };
      const asked = await oauth.backchannelAuthenticationRequest(server, client, secret, parameters);
      return oauth.processBackchannelAuthenticationResponse(server, client, asked);
    };
    const redeemed = async ({ auth_req_id }) => {
      const answer = await oauth.backchannelAuthenticationGrantRequest(server, client, secret, auth_req_id);
      return oauth.processBackchannelAuthenticationGrantResponse(server, client, answer);
    };
    const decided = async ({ auth_req_id }, action) => {
      const address = `${given.issuer}/dev/ciba?auth_req_id=${auth_req_id}&action=${action}`;
      assert.equal((await fetch(address, { method: "POST" })).status, 200);
    };

    const request = await begun({ login_hint: "alice", requested_expiry: "30" });
    assert.equal(request.expires_in, 30);
    await assert.rejects(redeemed(request), { error: "authorization_pending" });
    await decided(request, "allow");
    const tokens = await redeemed(request);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    const about = await oauth.userInfoRequest(server, client, tokens.access_token);
    assert.equal((await oauth.processUserInfoResponse(server, client, sub, about)).email, "alice@bank.example");
    await assert.rejects(redeemed(request), { error: "invalid_grant" });

    const refused = await begun({ id_token_hint: tokens.id_token });
    await decided(refused, "deny");
    await assert.rejects(redeemed(refused), { error: "access_denied" });
    await assert.rejects(begun({ login_hint: "nobody" }), { error: "unknown_user_id" });
    await assert.rejects(begun({ login_hint: "alice", binding_message: "two\nlines" }), { error: "invalid_binding_message" });
  },
};

const [name, given] = process.argv.slice(2);
if (name === "--list") {
  console.log(JSON.stringify(Object.keys(scenarios)));
} else {
  await scenarios[name](JSON.parse(given));
}
