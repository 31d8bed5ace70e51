// openid-client 6 (certified) as a bank's application: each scenario is what its README tells a developer to do.
//
//   node openid_client.mjs SCENARIO '{"issuer": …, "client_id": …, …}'

import assert from "node:assert/strict";
import * as client from "openid-client";
import { Person } from "./person.mjs";
import * as initiator from "./recipes/payment_initiator.mjs";

const CALLBACK = "https://app.example/callback";
const EVERYTHING = "openid profile email address phone offline_access accounts";

const pem = new Map();

async function keyPair(alg) {
  const known = pem.get(alg) ?? (await client.randomDPoPKeyPair(alg, { extractable: true }));
  pem.set(alg, known);
  return known;
}

async function publicJwk(alg, members) {
  const { publicKey } = await keyPair(alg);
  return { ...(await crypto.subtle.exportKey("jwk", publicKey)), alg, key_ops: undefined, ext: undefined, ...members };
}

async function privateKey(alg, kid) {
  return { key: (await keyPair(alg)).privateKey, kid };
}

async function registered(given, metadata, authentication) {
  const config = await client.dynamicClientRegistration(
    new URL(given.issuer),
    { redirect_uris: [CALLBACK], scope: EVERYTHING, ...metadata },
    authentication,
    { algorithm: "oidc" },
  );
  return config;
}

async function asked(parameters) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedNonce: client.randomNonce(), expectedState: client.randomState() };
  return {
    checks,
    parameters: {
      redirect_uri: CALLBACK,
      scope: "openid profile email address phone accounts",
      nonce: checks.expectedNonce,
      state: checks.expectedState,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...parameters,
    },
  };
}

async function loggedIn(config, { parameters, checks }, person = new Person()) {
  const back = await person.goTo(client.buildAuthorizationUrl(config, parameters), CALLBACK);
  return client.authorizationCodeGrant(config, back, checks);
}

async function aboutAlice(config, tokens, options) {
  const about = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, options);
  assert.equal(about.email, "alice@bank.example");
  assert.equal(about.phone_number, "+355692000001");
  assert.equal(about.address.country, "AL");
  return about;
}

const scenarios = {
  async "code flow with a secret: login, user info, refresh, introspection, revocation, logout"(given) {
    for (const [method, authentication] of [
      ["client_secret_basic", client.ClientSecretBasic],
      ["client_secret_post", client.ClientSecretPost],
      ["client_secret_jwt", client.ClientSecretJwt],
    ]) {
      const metadata = {
        token_endpoint_auth_method: method,
        post_logout_redirect_uris: ["https://app.example/bye"],
        grant_types: ["authorization_code", "refresh_token"],
      };
      const first = await registered(given, metadata, client.None());
      const { client_id: id, client_secret: secret } = first.clientMetadata();
      const config = await client.discovery(new URL(given.issuer), id, { ...metadata, client_secret: secret }, authentication(secret));
      const tokens = await loggedIn(config, await asked({}));
      await aboutAlice(config, tokens);
      const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
      assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, true);
      await client.tokenRevocation(config, refreshed.refresh_token);
      assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, false);
      const logout = client.buildEndSessionUrl(config, {
        id_token_hint: tokens.id_token,
        post_logout_redirect_uri: "https://app.example/bye",
        state: "done",
      });
      const bye = await new Person().goTo(logout, "https://app.example/bye");
      assert.equal(bye.searchParams.get("state"), "done");
    }
  },

  async "implicit and hybrid: ID tokens in the front channel are as the library checks them"(given) {
    const implicit = await registered(given, { response_types: ["id_token"], grant_types: ["implicit"] });
    client.useIdTokenResponseType(implicit);
    for (const mode of ["fragment", "form_post"]) {
      const nonce = client.randomNonce();
      const state = client.randomState();
      const address = client.buildAuthorizationUrl(implicit, {
        redirect_uri: CALLBACK,
        scope: "openid email",
        nonce,
        state,
        response_mode: mode,
      });
      const back = await new Person().goTo(address, CALLBACK);
      const claims = await client.implicitAuthentication(implicit, back, nonce, { expectedState: state });
      assert.equal(claims.email, "alice@bank.example");
    }
    const hybrid = await registered(given, {
      response_types: ["code id_token"],
      grant_types: ["authorization_code", "implicit"],
    });
    client.useCodeIdTokenResponseType(hybrid);
    for (const mode of ["fragment", "form_post"]) {
      const tokens = await loggedIn(hybrid, await asked({ response_mode: mode }));
      await aboutAlice(hybrid, tokens);
    }
  },

  async "FAPI 1: signed request object, detached signature, JARM"(given) {
    const jwks = { keys: [await publicJwk("PS256", { kid: "app", use: "sig" })] };
    const shared = {
      jwks,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "PS256",
      id_token_signed_response_alg: "PS256",
      request_object_signing_alg: "PS256",
    };
    const authentication = client.PrivateKeyJwt(await privateKey("PS256", "app"));
    const detached = await registered(
      given,
      { ...shared, response_types: ["code id_token"], grant_types: ["authorization_code", "implicit"] },
      authentication,
    );
    client.useCodeIdTokenResponseType(detached);
    client.enableDetachedSignatureResponseChecks(detached);
    const first = await asked({});
    const address = await client.buildAuthorizationUrlWithJAR(detached, first.parameters, await privateKey("PS256", "app"));
    const back = await new Person().goTo(address, CALLBACK);
    await aboutAlice(detached, await client.authorizationCodeGrant(detached, back, first.checks));

    const jarm = await registered(given, { ...shared, authorization_signed_response_alg: "PS256" }, authentication);
    client.useJwtResponseMode(jarm);
    const second = await asked({});
    const other = await client.buildAuthorizationUrlWithJAR(jarm, second.parameters, await privateKey("PS256", "app"));
    const answer = await new Person().goTo(other, CALLBACK);
    assert.ok(answer.searchParams.has("response"), answer.href);
    await aboutAlice(jarm, await client.authorizationCodeGrant(jarm, answer, second.checks));
  },

  async "FAPI 2: pushed request, private_key_jwt, DPoP, signed request and answer"(given) {
    const metadata = {
      jwks: { keys: [await publicJwk("ES256", { kid: "app", use: "sig" })] },
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      id_token_signed_response_alg: "ES256",
      request_object_signing_alg: "ES256",
      authorization_signed_response_alg: "ES256",
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
      grant_types: ["authorization_code", "refresh_token"],
    };
    const config = await registered(given, metadata, client.PrivateKeyJwt(await privateKey("ES256", "app")));
    client.useJwtResponseMode(config);
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
    const { parameters, checks } = await asked({});
    const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, await privateKey("ES256", "app"));
    const pushed = await client.buildAuthorizationUrlWithPAR(config, { request: signed.searchParams.get("request") }, { DPoP });
    const back = await new Person().goTo(pushed, CALLBACK);
    const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP });
    assert.equal(tokens.token_type, "dpop");
    await aboutAlice(config, tokens, { DPoP });
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    if (given.resource !== undefined) {
      const reply = await client.fetchProtectedResource(
        config, refreshed.access_token, new URL(given.resource), "GET", undefined, undefined, { DPoP },
      );
      assert.equal(reply.status, 200);
      assert.equal((await reply.json()).accounts.length, 2);
    }
    assert.ok((await client.tokenIntrospection(config, refreshed.access_token)).cnf.jkt);
  },

  async "encrypted and signed: ID token and user info for the client's eyes only"(given) {
    const pair = await crypto.subtle.generateKey(
      { name: "RSA-OAEP", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
      true,
      ["encrypt", "decrypt"],
    );
    const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const config = await registered(given, {
      jwks: { keys: [{ kty: "RSA", n: jwk.n, e: jwk.e, kid: "enc", use: "enc", alg: "RSA-OAEP-256" }] },
      id_token_encrypted_response_alg: "RSA-OAEP-256",
      id_token_encrypted_response_enc: "A256GCM",
      userinfo_signed_response_alg: "ES256",
      userinfo_encrypted_response_alg: "RSA-OAEP-256",
      userinfo_encrypted_response_enc: "A256GCM",
    });
    client.enableDecryptingResponses(config, ["A256GCM"], { key: pair.privateKey, alg: "RSA-OAEP-256", kid: "enc" });
    const tokens = await loggedIn(config, await asked({}));
    await aboutAlice(config, tokens);
  },

  async "single claims, asked for by name, stand where they were asked for"(given) {
    const config = await registered(given, {});
    const claims = { userinfo: { phone_number: { essential: true } }, id_token: { email: null, auth_time: { essential: true } } };
    const tokens = await loggedIn(config, await asked({ scope: "openid", claims: JSON.stringify(claims) }));
    const { email, phone_number: phone, auth_time: at, sub } = tokens.claims();
    assert.deepEqual([email, phone, typeof at], ["alice@bank.example", undefined, "number"]);
    const about = await client.fetchUserInfo(config, tokens.access_token, sub);
    assert.deepEqual([about.email, about.phone_number], [undefined, "+355692000001"]);
    const wanted = { id_token: { sub: { value: "nobody" } } };
    await assert.rejects(loggedIn(config, await asked({ claims: JSON.stringify(wanted) })), { error: "login_required" });
  },

  async "a pairwise subject is the same for one sector and says nothing to another"(given) {
    const subjects = [];
    for (const host of ["one.example", "one.example", "two.example"]) {
      const callback = `https://${host}/callback`;
      const config = await client.dynamicClientRegistration(
        new URL(given.issuer),
        { redirect_uris: [callback], subject_type: "pairwise" },
        undefined,
        { algorithm: "oidc" },
      );
      const { parameters, checks } = await asked({ redirect_uri: callback, scope: "openid" });
      const back = await new Person().goTo(client.buildAuthorizationUrl(config, parameters), callback);
      const tokens = await client.authorizationCodeGrant(config, back, checks);
      await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
      subjects.push(tokens.claims().sub);
    }
    assert.equal(subjects[0], subjects[1]);
    assert.notEqual(subjects[0], subjects[2]);
  },

  async "the payment initiator's recipe: agreed to, paid, and nothing else is"(given) {
    const payment = {
      instructedAmount: { currency: "EUR", amount: "123.50" },
      creditorName: "Merchant A",
      creditorAccount: { iban: "DE02100100109307118603" },
    };
    const { client_id: id } = (
      await registered(
        given,
        {
          jwks: { keys: [await publicJwk("ES256", { kid: "app", use: "sig" })] },
          scope: "openid payments",
          authorization_details_types: ["payment_initiation"],
          token_endpoint_auth_method: "private_key_jwt",
          id_token_signed_response_alg: "ES256",
          request_object_signing_alg: "ES256",
          authorization_signed_response_alg: "ES256",
          require_pushed_authorization_requests: true,
          dpop_bound_access_tokens: true,
        },
        client.PrivateKeyJwt(await privateKey("ES256", "app")),
      )
    ).clientMetadata();
    const app = await initiator.connect(given.issuer, id, { signingKey: (await keyPair("ES256")).privateKey, kid: "app" });
    const { address, login } = await initiator.paymentAddress(app, CALLBACK, payment);
    const person = new Person();
    const back = await person.goTo(address, CALLBACK);
    assert.ok(person.visited.some((page) => page.html.includes("Merchant A") && page.html.includes("123.50")));
    const payments = given.resource.replace(/accounts$/, "payments");
    const done = await initiator.paid(app, login, back, payments, payment);
    assert.equal(done.status, 201);

    const again = await initiator.paymentAddress(app, CALLBACK, payment);
    const other = { ...payment, instructedAmount: { currency: "EUR", amount: "9123.50" } };
    const answer = await person.goTo(again.address, CALLBACK);
    await assert.rejects(initiator.paid(app, again.login, answer, payments, other).then((reply) => assert.equal(reply.status, 201)));
  },

  async "a device without a keyboard"(given) {
    const config = await registered(given, {
      redirect_uris: undefined,
      response_types: [],
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    });
    const device = await client.initiateDeviceAuthorization(config, { scope: "openid email" });
    const polling = client.pollDeviceAuthorizationGrant(config, { ...device, interval: 1 });
    const person = new Person();
    await person.goTo(device.verification_uri_complete, "https://never.example/").catch(() => undefined);
    const tokens = await polling;
    assert.equal(tokens.claims().email ?? "alice@bank.example", "alice@bank.example");
  },

  async "client credentials, and a refusal in the words of the specification"(given) {
    const issuer = new URL(given.issuer);
    const own = await client.discovery(issuer, "robot", undefined, client.ClientSecretBasic(given.secret));
    const tokens = await client.clientCredentialsGrant(own);
    assert.equal((await client.tokenIntrospection(own, tokens.access_token)).active, true);
    const wrong = await client.discovery(issuer, "robot", undefined, client.ClientSecretBasic("wrong"));
    await assert.rejects(client.clientCredentialsGrant(wrong), { status: 401 });
  },

  async "who refuses is told to the application as access_denied"(given) {
    const config = await registered(given, {});
    const { parameters, checks } = await asked({ prompt: "consent" });
    const back = await new Person().goTo(client.buildAuthorizationUrl(config, parameters), CALLBACK, { refuse: true });
    await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: "access_denied" });
  },
};

const [name, given] = process.argv.slice(2);
if (name === "--list") {
  console.log(JSON.stringify(Object.keys(scenarios)));
} else {
  await scenarios[name](JSON.parse(given));
}
