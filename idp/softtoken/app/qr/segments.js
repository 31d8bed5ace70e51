/**
 * The text in the data codewords of a QR code (ISO/IEC 18004 §7.4).
 */

const ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const [END, NUMERIC, ALPHANUMERIC_MODE, BYTES, ECI] = [0, 1, 2, 4, 7];

// ISO/IEC 18004 table 3: bits of the character count for versions 1-9, 10-26 and 27-40.
const COUNT_BITS = { [NUMERIC]: [10, 12, 14], [ALPHANUMERIC_MODE]: [9, 11, 13], [BYTES]: [8, 16, 16] };

class EndOfData extends Error {}

/** Takes bits from the front; throws EndOfData when a damaged symbol asks for more than there are. */
function bitReader(codewords) {
  let at = 0;
  return {
    left: () => codewords.length * 8 - at,
    take(count) {
      if (count > codewords.length * 8 - at) throw new EndOfData();
      let value = 0;
      for (let i = 0; i < count; i += 1, at += 1) {
        value = (value << 1) | ((codewords[at >> 3] >> (7 - (at & 7))) & 1);
      }
      return value;
    },
  };
}

/** §7.4.3: groups of three, two and one digits in ten, seven and four bits. */
function numeric(bits, count) {
  let text = "";
  for (let left = count; left > 0; left -= 3) {
    const digits = Math.min(3, left);
    const group = String(bits.take([0, 4, 7, 10][digits]));
    if (group.length > digits) return null;
    text += group.padStart(digits, "0");
  }
  return text;
}

/** §7.4.4: pairs in eleven bits, a last single one in six. */
function alphanumeric(bits, count) {
  let text = "";
  for (let left = count; left > 1; left -= 2) {
    const pair = bits.take(11);
    text += (ALPHANUMERIC[Math.floor(pair / 45)] ?? "") + ALPHANUMERIC[pair % 45];
  }
  return count % 2 ? text + (ALPHANUMERIC[bits.take(6)] ?? "") : text;
}

/** §7.4.5: bytes; today's writers mean UTF-8, older ones ISO 8859-1. */
function bytes(bits, count) {
  const raw = Uint8Array.from({ length: count }, () => bits.take(8));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch {
    return new TextDecoder("iso-8859-1").decode(raw);
  }
}

const READERS = { [NUMERIC]: numeric, [ALPHANUMERIC_MODE]: alphanumeric, [BYTES]: bytes };

/** §7.4.2: the designator's length is in its first bits. We skip it: see `bytes`. */
function skipCharacterSet(bits) {
  if (bits.take(1) === 0) bits.take(7);
  else if (bits.take(1) === 0) bits.take(14);
  else bits.take(22);
}

/**
 * @param {Uint8Array} codewords the corrected data codewords
 * @param {number} version
 * @returns {string | null} null for content that no activation code has (kanji, structured append) or that is damaged
 */
export function textOf(codewords, version) {
  const bits = bitReader(codewords);
  const range = version <= 9 ? 0 : version <= 26 ? 1 : 2;
  let text = "";
  try {
    while (bits.left() >= 4) {
      const mode = bits.take(4);
      if (mode === END) break;
      if (mode === ECI) {
        skipCharacterSet(bits);
        continue;
      }
      const read = READERS[mode];
      const part = read ? read(bits, bits.take(COUNT_BITS[mode][range])) : null;
      if (part === null) return null;
      text += part;
    }
  } catch (error) {
    if (error instanceof EndOfData) return null;
    throw error;
  }
  return text;
}
