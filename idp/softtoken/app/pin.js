/**
 * Which PINs are refused when one is chosen: too short ones and those a thief tries first (NIST SP 800-63B-4 §3.2.10).
 */

export const SHORTEST_PIN = 6;
export const LONGEST_PIN = 12;

// Frequent six-digit PINs that no rule below finds: walks over the keypad, pairs, and what films made famous.
const FREQUENT = new Set([
  "112233", "223344", "332211", "445566", "778899", "998877", "123321", "321123", "123654", "321654", "456123",
  "456789", "654123", "789456", "987456", "147258", "147852", "258369", "258456", "159357", "159753", "357159",
  "357951", "741852", "852963", "963852", "142536", "102030", "010203", "112211", "221122", "122333", "124578",
  "135790", "246810", "102938", "192837", "314159", "271828", "007007", "696969", "520520", "131420", "159951",
]);

/** Whether each digit follows the one before it by the same step, past 9 and 0 too: 123456, 890123, 864208, 777777. */
function isSequence(pin) {
  const step = (pin[1] - pin[0] + 10) % 10;
  return [...pin].every((digit, i) => i === 0 || (digit - pin[i - 1] + 10) % 10 === step);
}

/** Whether the PIN is a shorter piece over and over: 121212, 123123. */
function isRepetition(pin) {
  return [1, 2, 3, 4].some((length) => pin.length >= 2 * length && pin === pin.slice(0, length).repeat(pin.length).slice(0, pin.length));
}

/** @returns {string | null} the key of the text that says what is wrong with a PIN to be chosen */
export function problemOf(pin) {
  if (!/^[0-9]+$/.test(pin) || pin.length < SHORTEST_PIN || pin.length > LONGEST_PIN) return "pinRule";
  if (isSequence(pin) || isRepetition(pin) || FREQUENT.has(pin)) return "pinTrivial";
  return null;
}
