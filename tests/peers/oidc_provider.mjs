// node-oidc-provider in memory, set up to do what the benchmarks ask of ours: `node oidc_provider.mjs PORT`.
// Access tokens for the bank's interface are JWTs, as ours are; every exchange gives a refresh token, which rotates.
// Its pages are its own for development: they take any password.

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
const SECRET = "a secret of thirty-two characters";
const banking = {
  client_id: "internet-banking",
  redirect_uris: ["http://localhost:8090/small-business/callback"],
  grant_types: ["authorization_code", "refresh_token"],
};
const robot = (algorithm) => ({
  client_id: `robot-${algorithm.toLowerCase()}`,
  redirect_uris: [],
  response_types: [],
  grant_types: ["client_credentials"],
});
const provider = new Provider(`http://localhost:${port}`, {
  jwks,
  cookies: { keys: [randomBytes(32).toString("hex")] },
  clients: [banking, robot("ES256"), robot("RS256")].map((client) => ({
    ...client, client_secret: SECRET, id_token_signed_response_alg: "ES256",
  })),
  scopes: ["openid", "profile", "email", "accounts"],
  claims: { openid: ["sub"], profile: ["name", "given_name", "family_name", "preferred_username"], email: ["email", "email_verified"] },
  pkce: { required: () => true },
  issueRefreshToken: async () => true,
  rotateRefreshToken: () => true,
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
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_context, _client, oneOf) => oneOf ?? API,
      getResourceServerInfo: (_context, _resource, client) => ({
        scope: "accounts",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: client.clientId === "robot-rs256" ? "RS256" : "ES256" } },
      }),
    },
  },
});
provider.on("server_error", (_context, error) => console.error(error));

provider.listen(port, "127.0.0.1");
