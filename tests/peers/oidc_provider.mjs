// node-oidc-provider in memory, set up to do what the benchmarks ask of ours: `node oidc_provider.mjs PORT`.
// Prints one line of JSON when it serves: an access token with the claims of a person, for user info and introspection.

import { randomBytes } from "node:crypto";
import Provider from "oidc-provider";

// It tells what a production set-up must change; a benchmark is none.
console.info = console.warn = () => undefined;

const port = Number(process.argv[2]);
const key = async (name, parameters) => ({
  ...(await crypto.subtle.exportKey("jwk", (await crypto.subtle.generateKey(parameters, true, ["sign", "verify"])).privateKey)),
  kid: name,
  use: "sig",
  alg: name,
  key_ops: undefined,
});

const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
const jwks = {
  keys: [
    await key("ES256", { name: "ECDSA", namedCurve: "P-256" }),
    await key("RS256", { name: "RSASSA-PKCS1-v1_5", ...rsa }),
  ],
};

const API = "urn:bank:accounts";
const provider = new Provider(`http://localhost:${port}`, {
  jwks,
  cookies: { keys: [randomBytes(32).toString("hex")] },
  clients: ["ES256", "RS256"].map((algorithm) => ({
    client_id: `app-${algorithm}`,
    client_secret: "a secret of thirty-two characters",
    redirect_uris: ["https://app.example/callback"],
    grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  })),
  scopes: ["openid", "profile", "email", "offline_access", "accounts"],
  claims: { openid: ["sub"], profile: ["name", "given_name", "family_name", "preferred_username"], email: ["email", "email_verified"] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, name: "Arta Hoxha", given_name: "Arta", family_name: "Hoxha", preferred_username: "arta.hoxha",
      email: "arta@bank.example", email_verified: true,
    }),
  }),
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_context, _client, oneOf) => oneOf ?? API,
      getResourceServerInfo: (_context, _resource, client) => ({
        scope: "accounts",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: client.clientId.replace("app-", "") } },
      }),
    },
  },
});
provider.on("server_error", (_context, error) => console.error(error));

const client = await provider.Client.find("app-ES256");
const grant = new provider.Grant({ accountId: "arta", clientId: client.clientId });
grant.addOIDCScope("openid profile email");
const token = new provider.AccessToken({
  accountId: "arta",
  client,
  grantId: await grant.save(),
  gty: "authorization_code",
  scope: "openid profile email",
  claims: {},
});
const text = await token.save();
provider.listen(port, "127.0.0.1", () => console.log(JSON.stringify({ token: text })));
