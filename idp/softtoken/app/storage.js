/**
 * The tokens of this realm on this device, in IndexedDB.
 *
 * A token is `{ id, label: { issuer, account, algorithm, digits, period }, salt, kept, deviceKey }`; ids count up, the
 * label is as in otpauth.js, the rest as in vault.js.
 * Realms share an origin but no database: its name is the realm's path.
 */

const NAME = `hyrja-token ${new URL("./", import.meta.url).pathname}`;
const TOKENS = "tokens";

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function inStore(mode, act) {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TOKENS, { keyPath: "id", autoIncrement: true });
  const database = await done(opening);
  try {
    const transaction = database.transaction(TOKENS, mode, { durability: "strict" });
    const finished = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const result = await done(act(transaction.objectStore(TOKENS)));
    await finished;
    return result;
  } finally {
    database.close();
  }
}

export const allTokens = () => inStore("readonly", (store) => store.getAll());
/** Keeps a new token. @returns {Promise<number>} its id */
export const addToken = (token) => inStore("readwrite", (store) => store.add(token));
export const removeToken = (id) => inStore("readwrite", (store) => store.delete(id));

/** Asks the browser not to clear the storage when space is short. */
export const askToPersist = async () => (await navigator.storage?.persist?.()) ?? false;
export const isPersistent = async () => (await navigator.storage?.persisted?.()) ?? false;
