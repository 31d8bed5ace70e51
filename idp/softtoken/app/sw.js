/**
 * The service worker: keeps one whole edition of the application, so that it opens without a network.
 *
 * The server writes the edition below: the digest of every file, and a name that changes with any of them. A new
 * edition is installed beside the old one and takes over when the application is next opened, never half way.
 */

const EDITION = /* edition */ null;
const PREFIX = `hyrja-token ${new URL("./", self.location).pathname} `;
const CACHE = PREFIX + EDITION.name;

const keepEdition = async () => {
  const cache = await caches.open(CACHE);
  const requests = Object.entries(EDITION.files).map(
    ([path, integrity]) => new Request(path, { integrity, cache: "no-cache" }));
  await cache.addAll(requests);
};

/** Other realms live on the same origin: only our own older editions go. */
const dropOlderEditions = async () => {
  const older = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(older.map((name) => caches.delete(name)));
};

const answer = async (request) => {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request.mode === "navigate" ? "./" : request, { ignoreSearch: true });
  return kept ?? fetch(request);
};

self.addEventListener("install", (event) => event.waitUntil(keepEdition()));
self.addEventListener("activate", (event) => event.waitUntil(dropOlderEditions().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(answer(event.request));
});
