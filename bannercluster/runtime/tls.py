"""Certificates for a Dask cluster that speaks TLS: from the settings, or from Dask's own."""

import json
import ssl
from pathlib import Path

from distributed import Security

from bannercluster.config import RuntimeConfig
from bannercluster.errors import SchedulerError, UsageError

_OPTIONS = {"tls_ca": "--tls-ca", "tls_cert": "--tls-cert", "tls_key": "--tls-key"}


def security_of(runtime: RuntimeConfig) -> Security:
    """Return the certificates to connect with.

    Without ``tls_ca`` and ``tls_cert`` they are those of Dask's configuration
    (``DASK_DISTRIBUTED__COMM__TLS__CA_FILE`` and the like), if any.

    Raises
    ------
    UsageError
        If only some are given, a file is missing or is no certificate, or they do not fit the
        scheduler's address.
    """
    given = {name: getattr(runtime, name) for name in _OPTIONS if getattr(runtime, name)}
    if given and not {"tls_ca", "tls_cert"} <= given.keys():
        asked = ", ".join(_OPTIONS[name] for name in given)
        raise UsageError(
            f"{asked} alone is not enough for TLS: expected --tls-ca FILE and --tls-cert FILE, and "
            "--tls-key FILE where the key is not in the file of the certificate"
        )
    for name, file in given.items():
        if not Path(file).is_file():
            raise UsageError(f"{_OPTIONS[name]} {file}: there is no such file")
    security = (
        Security(
            tls_ca_file=runtime.tls_ca,
            tls_client_cert=runtime.tls_cert,
            tls_client_key=runtime.tls_key,
            require_encryption=True,
        )
        if given
        else Security()
    )
    _check_files(security)
    _check_scheme(runtime, security, bool(given))
    return security


def _check_files(security: Security) -> None:
    """Refuse files that are no certificates, or a key that belongs to another one."""
    files = [security.tls_ca_file, security.tls_client_cert, security.tls_client_key]
    try:
        security.get_connection_args("client")
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(str(file) for file in files if file)
        raise UsageError(
            f"these are no certificates to connect with: {named} ({error}); expected PEM files: "
            "the authority, a certificate that it signed, and the key of that"
        ) from error


def _check_scheme(runtime: RuntimeConfig, security: Security, given: bool) -> None:
    address = address_of(runtime)
    encrypted = address.startswith("tls://")
    if encrypted and not (security.tls_ca_file and security.tls_client_cert):
        raise UsageError(
            f"{address} speaks TLS and there are no certificates: give --tls-ca FILE, --tls-cert "
            "FILE and --tls-key FILE, or set them in Dask's configuration"
        )
    if given and not encrypted:
        raise UsageError(
            f"certificates were given for {address}, which is not encrypted: expected an address "
            "such as tls://host:8786, or none of --tls-ca, --tls-cert, --tls-key"
        )


def address_of(runtime: RuntimeConfig) -> str:
    """Return the address of the scheduler that the settings name.

    Raises
    ------
    SchedulerError
        If the scheduler file is missing, or is none.
    """
    file = runtime.scheduler_file
    if file is None:
        return str(runtime.scheduler)
    try:
        return str(json.loads(Path(file).read_text(encoding="utf-8"))["address"])
    except FileNotFoundError:
        raise SchedulerError(
            f"there is no scheduler file {file}: start `dask scheduler --scheduler-file {file}`, "
            "or leave --scheduler-file out to run on this machine"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SchedulerError(
            f"the scheduler file {file} cannot be read ({type(error).__name__}): expected the one "
            "that `dask scheduler --scheduler-file FILE` writes"
        ) from error
