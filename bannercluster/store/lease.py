"""One writer at a time: a lease on a store or a folder, on a disk or in a bucket.

A lease is a small file ``<number>.json`` in a folder of its own. Whoever makes the file of the next
number holds the lease; making it fails where it is there already, so two can never make the same
one, on a local disk, a network disk or an object store. The holder writes its file again every few
seconds. A lease is free when its holder has let go of it, when its process on this machine has
ended, or when its file, out of date by then, does not change while it is watched. Clocks of two
machines may differ: they only decide when to begin to watch.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bannercluster.errors import LeaseHeldError, LeaseLostError
from bannercluster.store import files
from bannercluster.store.points import LEASE
from bannercluster.store.refusals import failures, refused

TTL_S = 60.0
"""Age at which a lease that was not written again is suspected."""

RENEW_S = 10.0
"""Time between two writes of a holder; one that missed two of them while watched has ended."""

_TRIES = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Parameters
    ----------
    token : str
        Of this holding, never used twice.
    purpose : str
        What it is held for, such as ``bc embed``.
    host, machine : str
        Name of the machine; and what tells apart machines and containers whose process numbers
        mean different processes.
    pid : int
    process_started : float
        When the process started, in seconds since 1970 by its own machine: numbers come again.
    user : str
    since : str
        ISO 8601, UTC.
    renewed : float
        When the file was last written, in seconds since 1970 by the holder's clock.
    """

    token: str
    purpose: str
    host: str
    machine: str
    pid: int
    process_started: float
    user: str
    since: str
    renewed: float

    @classmethod
    def this_process(cls, purpose: str) -> Holder:
        """Return this process as a new holder."""
        return cls(
            token=uuid.uuid4().hex,
            purpose=purpose,
            host=socket.gethostname(),
            machine=_machine(),
            pid=os.getpid(),
            process_started=psutil.Process().create_time(),
            user=_user(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            renewed=time.time(),
        )

    @property
    def ended(self) -> bool | None:
        """Whether its process has ended; None where that cannot be seen from here."""
        if self.machine != _machine():
            return None
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.process_started) < 1.0
            return not same or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False

    def __str__(self) -> str:
        return (
            f"`{self.purpose}` of {self.user} on {self.host}, process {self.pid}, since "
            f"{self.since}"
        )


@dataclass(frozen=True)
class Held:
    """A lease as it lies there.

    Parameters
    ----------
    number : int
    holder : Holder or None
        None where the file has no readable holder: its writer ended in the middle of making it.
    """

    number: int
    holder: Holder | None


class Lease:
    """A lease that this process holds.

    Parameters
    ----------
    url : str
        What it is a lease of.
    number : int
    holder : Holder
    ttl_s, renew_s : float
    """

    def __init__(
        self, url: str, number: int, holder: Holder, ttl_s: float = TTL_S, renew_s: float = RENEW_S
    ) -> None:
        self.url, self.number, self.holder = url, number, holder
        self._ttl_s, self._renew_s = ttl_s, renew_s
        self._renewed_at = time.monotonic()
        self._ended = threading.Event()
        self._lost_to: Held | None = None
        self._keeper = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._keeper.start()

    def check(self) -> None:
        """Make sure, just before a write that others see, that the lease is still held.

        Raises
        ------
        LeaseLostError
            If another process took it over, or it could not be renewed for longer than a lease
            lasts.
        """
        higher = [held for held in _listed(self.url) if held.number > self.number]
        self._lost_to = self._lost_to or next(iter(higher), None)
        if self._lost_to is not None:
            raise LeaseLostError(
                f"{self.url} was taken over by {self._lost_to.holder or 'another process'} while "
                f"this process did not answer; nothing was written: run the command again when "
                f"that one has ended"
            )
        silent_s = time.monotonic() - self._renewed_at
        if silent_s > self._ttl_s:
            raise LeaseLostError(
                f"the lease of {self.url} could not be renewed for {silent_s:.0f} s; nothing was "
                f"written: run the command again when {lease_url(self.url)} can be written"
            )

    def release(self) -> None:
        """Let go of it."""
        self._ended.set()
        self._keeper.join()
        with contextlib.suppress(*failures()):
            _remove(self.url, self.number)

    def _keep(self) -> None:
        while not self._ended.wait(self._renew_s):
            try:
                higher = [held for held in _listed(self.url) if held.number > self.number]
                if higher:
                    self._lost_to = higher[0]
                    return
                renewed = replace(self.holder, renewed=time.time())
                files.write_bytes(_file(self.url, self.number), _as_bytes(renewed), LEASE)
                self._renewed_at = time.monotonic()
            except failures() as error:
                # `check` tells when this has gone on for too long.
                logger.debug("the lease of %s was not renewed: %s", self.url, error)


def lease_url(url: str) -> str:
    """Return the folder of the lease files: beside a store, inside another folder."""
    return files.beside(url, ".lease") if _is_store(url) else files.join(url, ".lease")


def _is_store(url: str) -> bool:
    return url.rstrip("/").endswith(".zarr")


def held_by(url: str) -> Held | None:
    """Return the lease of a store or a folder as it lies there, its process alive or not."""
    return max(_listed(url), key=_number, default=None)


@contextlib.contextmanager
def hold(
    url: str, purpose: str, *, ttl_s: float = TTL_S, renew_s: float = RENEW_S
) -> Iterator[Lease]:
    """Hold the lease of a store or a folder for the length of a block.

    Parameters
    ----------
    url : str
        A store (``.zarr``) or a folder.
    purpose : str
        What for, in the words that a second writer is told.
    ttl_s, renew_s : float
        Other times than the usual ones, for tests.

    Raises
    ------
    LeaseHeldError
        If another process holds it; the message says who.
    StoreError
        If the file of the lease cannot be written.
    """
    with refused(f"cannot take the lease {lease_url(url)}", "nothing was changed"):
        is_new = files.local_path(url) is not None and not files.exists(url)
        lease = _take(url, Holder.this_process(purpose), ttl_s, renew_s)
    try:
        yield lease
    finally:
        lease.release()
        if is_new:  # a run that was refused leaves nothing, not even a folder
            files.remove_if_empty(url)


def _take(url: str, holder: Holder, ttl_s: float, renew_s: float) -> Lease:
    for _ in range(_TRIES):
        seen = _listed(url)
        before = max(seen, key=_number, default=None)
        if before is not None:
            _check_free(url, before, ttl_s, renew_s)
        number = 1 if before is None else before.number + 1
        if not files.create(_file(url, number), _as_bytes(holder), LEASE):
            continue  # another process was quicker: see who it is
        known = {number, *map(_number, seen)}
        if any(held.number not in known for held in _listed(url)):
            # Others came, and perhaps went, while we were looking: give way, and look again.
            _remove(url, number)
            time.sleep(0.05 + 0.1 * int(holder.token[:4], 16) / 0xFFFF)
            continue
        for held in seen:
            _remove(url, held.number)
        if before is not None:
            logger.warning(
                "took over the lease of %s from %s, which has ended",
                url,
                before.holder or "a process that ended while it took it",
            )
        return Lease(url, number, holder, ttl_s, renew_s)
    raise LeaseHeldError(f"{url} is wanted by several processes at once; run the command again")


def _number(held: Held) -> int:
    return held.number


def _check_free(url: str, held: Held, ttl_s: float, renew_s: float) -> None:
    """Raise LeaseHeldError unless the holder has ended."""
    holder = held.holder
    ended = None if holder is None else holder.ended
    if ended is None and (holder is None or time.time() - holder.renewed > ttl_s):
        # It is on another machine, and its clock or its process has stopped: watch it.
        time.sleep(2.5 * renew_s)
        ended = held_by(url) == held
    if ended:
        return
    raise LeaseHeldError(
        f"{url} is held by {holder or 'a process that is just taking it'}; expected one writer at "
        f"a time: wait until it has ended, or name another place"
    )


def _listed(url: str) -> list[Held]:
    """Return the leases that lie there, by number."""
    folder = lease_url(url)
    found = []
    for name in files.names(folder):
        stem, _, suffix = name.partition(".")
        if suffix == "json" and stem.isdigit():
            with contextlib.suppress(FileNotFoundError):
                found.append(Held(int(stem), _read(files.join(folder, name))))
    return found


def _read(url: str) -> Holder | None:
    try:
        return Holder(**json.loads(files.read_bytes(url)))
    except (ValueError, TypeError):
        return None


def _file(url: str, number: int) -> str:
    return files.join(lease_url(url), f"{number:06d}.json")


def _as_bytes(holder: Holder) -> bytes:
    return json.dumps(asdict(holder), ensure_ascii=False).encode()


def _remove(url: str, number: int) -> None:
    files.discard(_file(url, number), LEASE)


def _machine() -> str:
    """Return what tells apart machines and containers: process numbers mean nothing across them."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"user {os.getuid()}"
