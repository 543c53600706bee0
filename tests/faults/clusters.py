"""A Dask cluster of processes on this machine, started as users start one; and certificates."""

import datetime
import ipaddress
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
_GIVE_UP_S = 120


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + _GIVE_UP_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {_GIVE_UP_S} s in vain: {what}"
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Certificates:
    """An authority, and a certificate that it signed with its key: PEM files."""

    ca: Path
    cert: Path
    key: Path

    @property
    def flags(self) -> list[str]:
        """As `dask scheduler`, `dask worker` take them."""
        return [
            *("--tls-ca-file", str(self.ca), "--tls-cert", str(self.cert)),
            *("--tls-key", str(self.key)),
        ]

    @classmethod
    def made(cls, folder: Path, name: str) -> "Certificates":
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID

        def certificate(subject: str, issuer: str, key: Any, signer: Any, ca: bool) -> Any:
            now = datetime.datetime.now(datetime.UTC)
            builder = (
                x509.CertificateBuilder()
                .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
                .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=1))
                .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            )
            if not ca:
                address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
                builder = builder.add_extension(
                    x509.SubjectAlternativeName([address]), critical=False
                )
            return builder.sign(signer, hashes.SHA256())

        folder.mkdir(exist_ok=True)
        signer, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        found = cls(*(folder / f"{name}-{part}.pem" for part in ("ca", "cert", "key")))
        pem = serialization.Encoding.PEM
        authority = certificate(name, name, signer, signer, True)
        found.ca.write_bytes(authority.public_bytes(pem))
        own = certificate(f"{name} member", name, key, signer, False)
        found.cert.write_bytes(own.public_bytes(pem))
        found.key.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return found


class Cluster:
    """`dask scheduler` and `dask worker` in processes of their own. Close it."""

    def __init__(self, folder: Path, tls: Certificates | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.log = folder / "log.txt"
        self._tls = tls
        self._processes: list[subprocess.Popen[bytes]] = []
        protocol = ["--protocol", "tls"] if tls else []
        self.scheduler = self._start(["scheduler", "--port", "0", *protocol], None, None)
        wait_until(self.file.exists, "the scheduler")

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])

    def worker(
        self,
        *options: str,
        cwd: Path | None = None,
        first_on_path: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a worker of one thread, and wait until it has joined.

        On a busy machine that may take longer than a command waits for one.
        """
        before = self._n_joined()
        process = self._start(["worker", "--nthreads", "1", *options], cwd, first_on_path)
        wait_until(lambda: self._n_joined() > before, "a worker")
        return process

    def _n_joined(self) -> int:
        return self.log.read_text().count("Registered to:")

    def _start(
        self, words: list[str], cwd: Path | None, first_on_path: Path | None
    ) -> subprocess.Popen[bytes]:
        common = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(self.file)]
        # Scheduler and workers both read the tasks: both must be able to import those of the tests.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BC_", "DASK_"))
        }
        path = [str(TESTS), os.environ.get("PYTHONPATH", "")]
        if first_on_path is not None:
            path.insert(0, str(first_on_path))
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "dask", *words, *common),
                    *(self._tls.flags if self._tls else []),
                ],
                cwd=cwd or self.folder,
                env=inherited | {"PYTHONPATH": os.pathsep.join(path)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            end(process)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and those that it started, stopped or not."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
