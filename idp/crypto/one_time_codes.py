"""One-time codes as pure functions: HOTP and TOTP (RFC 4226, RFC 6238) and codes that need not be stored."""

from __future__ import annotations

import hmac
import unicodedata

from idp.model.policies.credentials import OtpAlgorithm

_PREVIOUS_STEP_GRACE = 10  # seconds of the current step in which the previous code is still accepted
_LONGEST_INPUT = 64  # characters; a code has ten at most
_DIGESTS: dict[OtpAlgorithm, str] = {"HmacSHA1": "sha1", "HmacSHA256": "sha256", "HmacSHA512": "sha512"}


def truncated(secret: bytes, counter: int, *, algorithm: OtpAlgorithm = "HmacSHA1", digits: int = 6) -> str:
    """Return the code of a counter: HMAC and dynamic truncation (RFC 4226 §5.3)."""
    digest = hmac.digest(secret, counter.to_bytes(8), _DIGESTS[algorithm])
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def accepted_step(
    seed: bytes,
    code: str,
    *,
    now: int,
    algorithm: OtpAlgorithm = "HmacSHA1",
    digits: int = 6,
    period: int = 30,
    window: int = 1,
) -> int | None:
    """Return the time step whose code was given, or None.

    The current step, and with a `window` also the one before it, during the first ten seconds only: a code lives
    40 s at most (CVE-2024-7318 was given for 60). Never a future step. The caller must still burn the step, or the
    same code would be accepted twice (RFC 6238 §5.2).
    """
    current, elapsed = divmod(now, period)
    steps = [current]
    if window >= 1 and elapsed < _PREVIOUS_STEP_GRACE:
        steps.append(current - 1)
    accepted = None
    for step in steps:  # every step is compared, so that the answer's time does not say which one was near
        if hmac.compare_digest(truncated(seed, step, algorithm=algorithm, digits=digits).encode(), code.encode()):
            accepted = step
    return accepted


def accepted_counter(
    seed: bytes, code: str, *, expected: int, algorithm: OtpAlgorithm = "HmacSHA1", digits: int = 6, window: int = 1
) -> int | None:
    """Return the counter whose code was given: the expected one or, within `window`, a later one (RFC 4226 §7.2).

    Never an earlier one. The caller must still burn it, with everything before it.
    """
    accepted = None
    for counter in range(expected, expected + window + 1):
        if hmac.compare_digest(truncated(seed, counter, algorithm=algorithm, digits=digits).encode(), code.encode()):
            accepted = counter if accepted is None else accepted
    return accepted


def keyed_code(key: bytes, *parts: str, digits: int = 6) -> str:
    """Return a code bound to `parts`, recomputable by whoever holds `key`, so that nothing need be stored.

    Each part carries its length: `("ab", "c")` and `("a", "bc")` give unrelated codes. The whole digest is reduced,
    which leaves no measurable bias towards any code.
    """
    message = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
    number = int.from_bytes(hmac.digest(key, message, "sha256"))
    return str(number % 10**digits).zfill(digits)


def normalised(code: str) -> str:
    """Return the ASCII digits of what a person typed, or the empty text if there is anything but digits.

    Spaces and dashes are dropped, digits of any script are mapped, and leading zeros stay: a code is text.
    """
    if len(code) > _LONGEST_INPUT:
        return ""
    kept = [character for character in code if not _separates(character)]
    digits = [unicodedata.decimal(character, None) for character in kept]
    return "" if None in digits else "".join(map(str, digits))


def _separates(character: str) -> bool:
    # Zs: spaces; Pd: dashes of any length; Cf: invisible marks that phones add around pasted numbers.
    return character in "\t\r\n" or unicodedata.category(character) in {"Zs", "Pd", "Cf"}
