"""What a signature costs by itself, in the cryptographic library alone: the budgets leave it out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

_TEXT = b"a" * 900
"""About as long as what is signed of an access token."""
_ROUNDS = 5


class Signatures:
    """The keys that are timed. A run asks again and again, as the machine's speed changes."""

    def __init__(self) -> None:
        curve = ec.generate_private_key(ec.SECP256R1())
        made = curve.sign(_TEXT, ec.ECDSA(SHA256()))
        public = curve.public_key()
        factors = rsa.generate_private_key(65537, 2048)
        self._work: Mapping[str, tuple[Callable[[], object], int]] = {
            "ES256 signature": (lambda: curve.sign(_TEXT, ec.ECDSA(SHA256())), 40),
            "ES256 verification": (lambda: public.verify(made, _TEXT, ec.ECDSA(SHA256())), 20),
            "RS256 signature": (lambda: factors.sign(_TEXT, padding.PKCS1v15(), SHA256()), 8),
        }
        self._found: dict[str, list[float]] = {kind: [] for kind in self._work}

    def look(self) -> None:
        """Time each kind once more."""
        for kind, (work, count) in self._work.items():
            self._found[kind].append(min(_timed(work, count) for _ in range(_ROUNDS)))

    def costs(self) -> dict[str, float]:
        """Return the median CPU seconds of one of each kind; there must have been a look."""
        return {kind: median(found) for kind, found in self._found.items()}


def _timed(work: Callable[[], object], count: int) -> float:
    started = time.thread_time()
    for _ in range(count):
        work()
    return (time.thread_time() - started) / count
