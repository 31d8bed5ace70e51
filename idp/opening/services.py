"""What the settings say of sealing, hashing and whom to believe, as what does it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from idp.crypto.client_certificates import NO_AUTHORITIES, ClientAuthorities
from idp.crypto.passwords import Argon2Passwords
from idp.crypto.sealing import AesGcmSealer, create_master_key, read_master_keys
from idp.gateways.opening import make_folder_of
from idp.ports import (
    Observer,
    RandomBytes,
)
from idp.realms.files.placeholders import Surroundings, file_vault
from idp.settings.loading import StartError
from idp.settings.tables import Settings


def sealer_of(settings: Settings) -> AesGcmSealer:
    """Return what seals the store; a master key is made where the settings want one. Raises `MasterKeyError`."""
    paths = [Path(name) for name in settings.secrets.master_key_files]
    if settings.secrets.create_master_key and not paths[0].exists():
        make_folder_of(paths[0])
        create_master_key(paths[0])
    return AesGcmSealer(read_master_keys(paths))


def surroundings_of(settings: Settings, environment: Mapping[str, str]) -> Surroundings:
    """Return where the placeholders of realm files take their values from."""
    return Surroundings(
        vault=file_vault(Path(settings.secrets.vault)), environment=environment, base_url=settings.server.base_url
    )


def passwords_of(settings: Settings, random: RandomBytes, observer: Observer | None = None) -> Argon2Passwords:
    """Return the hashing of passwords, with threads of its own that `close` ends."""
    return Argon2Passwords(
        workers=settings.hashing.workers or hashing_workers(_cores(), processes=settings.server.workers),
        queue=settings.hashing.queue,
        memory_kib=settings.hashing.memory_kib,
        iterations=settings.hashing.iterations,
        random=random,
        observer=observer,
    )


def hashing_workers(cores: int, *, processes: int) -> int:
    """Return how many threads of a process hash: one core is left for everything else, as far as there are several."""
    return max(1, (cores - 1) // processes)


def _cores() -> int:
    """Return how many cores this process may use, which may be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def client_authorities_of(settings: Settings) -> ClientAuthorities:
    """Return the authorities that vouch for clients' certificates; raises `StartError`."""
    path = settings.server.client_ca_file
    if not path:
        return NO_AUTHORITIES
    try:
        return ClientAuthorities(Path(path).read_bytes())
    except OSError as error:
        raise StartError(f"server.client_ca_file: {path} cannot be read ({error.strerror}).") from None
    except ValueError:
        raise StartError(f"server.client_ca_file: {path} holds no certificates (PEM).") from None
