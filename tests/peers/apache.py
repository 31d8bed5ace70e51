"""Apache with mod_auth_openidc: a page behind a login, as thousands of sites have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.patience import PATIENCE
from tests.peers.provider import Examined

APACHE = shutil.which("apache2") or shutil.which("httpd")
MODULES = Path("/usr/lib/apache2/modules")
CLIENT, SECRET = "mod-auth-openidc", "the secret of the site behind Apache"


def missing() -> str | None:
    """Why it cannot be driven here, or None."""
    if APACHE is None or not (MODULES / "mod_auth_openidc.so").exists():
        return "Apache with mod_auth_openidc is not installed (Debian: apt-get install libapache2-mod-auth-openidc)"
    return None


def _configuration(exam: Examined, folder: Path) -> str:
    names = ["mpm_event", "authn_core", "authz_core", "authz_user", "dir", "mime", "headers", "ssl", "auth_openidc"]
    loaded = [name for name in names if (MODULES / f"mod_{name}.so").exists()]
    owner = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    return f"""
ServerRoot "{folder}"
ServerName localhost
PidFile "{folder}/apache.pid"
DefaultRuntimeDir "{folder}"
Mutex posixsem
ErrorLog "{folder}/error.log"
LogLevel warn auth_openidc:info
{"".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so{chr(10)}" for name in loaded)}
{owner}
TypesConfig /dev/null
Listen 127.0.0.1:{exam.apache_port} https
SSLEngine on
SSLCertificateFile "{exam.certificate}"
SSLCertificateKeyFile "{exam.folder}/server.key"
DocumentRoot "{folder}/site"
OIDCProviderMetadataURL {exam.issuer}/.well-known/openid-configuration
OIDCClientID {CLIENT}
OIDCClientSecret "{SECRET}"
OIDCRedirectURI https://localhost:{exam.apache_port}/secure/callback
OIDCCryptoPassphrase "a passphrase of the test and of nothing else"
OIDCCABundlePath "{folder}/authority.pem"
OIDCPKCEMethod S256
OIDCScope "openid profile email"
OIDCRemoteUserClaim preferred_username
OIDCDefaultLoggedOutURL https://localhost:{exam.apache_port}/bye.html
OIDCDefaultURL https://localhost:{exam.apache_port}/secure/
<Location /secure>
  AuthType openid-connect
  Require valid-user
  Header set x-email "%{{OIDC_CLAIM_email}}e"
</Location>
"""


@contextmanager
def apache(exam: Examined, folder: Path) -> Iterator[str]:
    """Serve until the block ends; the site's address."""
    assert APACHE is not None
    (folder / "site" / "secure").mkdir(parents=True)
    (folder / "site" / "secure" / "index.html").write_text("the secret page")
    (folder / "site" / "bye.html").write_text("bye")
    shutil.copyfile(exam.certificate, folder / "authority.pem")
    for place in (*folder.parents, folder):  # Apache's workers are nobody in particular
        if place.is_relative_to("/tmp") and place != Path("/tmp"):  # noqa: S108 - pytest's own folders
            place.chmod(0o755)
    path = folder / "apache.conf"
    path.write_text(_configuration(exam, folder))
    process = subprocess.Popen([APACHE, "-f", str(path), "-DFOREGROUND"])  # noqa: S603 - Debian's own
    address = f"https://localhost:{exam.apache_port}"
    try:
        until = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < until, (folder / "error.log").read_text()
            try:
                httpx.get(f"{address}/bye.html", verify=exam.trust(), timeout=PATIENCE).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                break
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE)
