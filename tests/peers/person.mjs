// A customer with a browser that runs no script: cookies, redirects, forms.

const entities = { "&amp;": "&", "&quot;": '"', "&#34;": '"', "&#39;": "'", "&lt;": "<", "&gt;": ">" };
const decoded = (text) => text.replace(/&(?:amp|quot|lt|gt|#34|#39);/g, (entity) => entities[entity]);

function attribute(tag, name) {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(tag);
  return found === null ? undefined : decoded(found[1]);
}

export class Person {
  #cookies = new Map();

  constructor({ username = "alice", password = "alice-of-the-exam" } = {}) {
    this.username = username;
    this.password = password;
    this.visited = [];
  }

  // Go where an application sends its user, answer every page, and return what the application is called back with:
  // a GET request to its address, or a POST request where the provider's page posts there.
  async goTo(address, callback, { refuse = false } = {}) {
    let request = { method: "GET", address: String(address) };
    for (let hop = 0; hop < 20; hop += 1) {
      if (request.address.startsWith(callback)) return this.#called(request);
      const response = await this.#send(request);
      const location = response.headers.get("location");
      if (response.status >= 300 && response.status < 400 && location !== null) {
        request = { method: "GET", address: new URL(location, request.address).href };
        continue;
      }
      const html = await response.text();
      this.visited.push({ status: response.status, address: request.address, html });
      request = this.#filledIn(html, request.address, refuse);
      if (request === undefined) throw new Error(`nothing to fill in (${response.status}): ${html.slice(0, 2000)}`);
    }
    throw new Error(`going round in circles: ${this.visited.map((page) => page.address).join("\n")}`);
  }

  #called({ method, address, body }) {
    if (method === "GET") return new URL(address);
    return new Request(address, {
      method,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: body.toString(),
    });
  }

  async #send({ method, address, body }) {
    const host = new URL(address).host;
    const jar = this.#cookies.get(host) ?? this.#cookies.set(host, new Map()).get(host);
    const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") };
    const response = await fetch(address, { method, body, headers, redirect: "manual" });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair] = cookie.split(";");
      const [name, ...value] = pair.split("=");
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(cookie)) jar.delete(name);
      else jar.set(name, value.join("="));
    }
    return response;
  }

  #filledIn(html, address, refuse) {
    const form = /<form\b[^>]*>([\s\S]*?)<\/form>/.exec(html);
    if (form === null) return undefined;
    const [whole, inside] = form;
    const action = attribute(whole.slice(0, whole.indexOf(">") + 1), "action") ?? address;
    const body = new URLSearchParams();
    for (const [tag] of inside.matchAll(/<input\b[^>]*>/g)) {
      const name = attribute(tag, "name");
      const type = attribute(tag, "type") ?? "text";
      if (name !== undefined && !["submit", "checkbox", "radio"].includes(type)) body.set(name, attribute(tag, "value") ?? "");
    }
    if (body.has("username")) body.set("username", this.username);
    if (body.has("password")) body.set("password", this.password);
    if (/name="accept"/.test(inside)) body.set(refuse ? "cancel" : "accept", "1");
    return { method: "POST", address: new URL(action, address).href, body };
  }
}
