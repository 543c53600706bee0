"""The limits that a container sets, from the control groups of Linux (version 1 and 2)."""

import math
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED_BYTES = 2**60  # version 1 writes "no limit" as a number near 2**63


@dataclass(frozen=True)
class CgroupLimits:
    """What the control groups of this process allow; None: no limit.

    Attributes
    ----------
    memory_limit, memory_used
        Bytes. ``memory_used`` leaves out file cache that the kernel can drop.
    cpus
        Cores, whole ones: a quota of 1.5 cores counts as 2.
    """

    memory_limit: int | None = None
    memory_used: int | None = None
    cpus: int | None = None


def cgroup_limits(root: Path = Path("/")) -> CgroupLimits:
    """Return the tightest limits on the way from this process's group to the top.

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are found; another one in tests.
    """
    mount = root / "sys/fs/cgroup"
    found = CgroupLimits()
    for controllers, path in _memberships(root / "proc/self/cgroup"):
        if controllers == "":
            found = _tighter(found, _version_2(mount, path))
        if "memory" in controllers.split(","):
            found = _tighter(found, _version_1_memory(mount / "memory", path))
        if "cpu" in controllers.split(","):
            found = _tighter(found, _version_1_cpu(mount, controllers, path))
    return found


def _memberships(file: Path) -> list[tuple[str, str]]:
    text = _read(file)
    lines = [line.split(":", 2) for line in (text or "").splitlines()]
    return [(parts[1], parts[2]) for parts in lines if len(parts) == 3]


def _version_2(mount: Path, path: str) -> CgroupLimits:
    limits = CgroupLimits()
    for folder in _upwards(mount, path):
        quota = (_read(folder / "cpu.max") or "max").split()
        limits = _tighter(
            limits,
            CgroupLimits(
                memory_limit=_number(folder / "memory.max"),
                memory_used=_used(folder, "memory.current", "inactive_file"),
                cpus=None if quota[0] == "max" else math.ceil(int(quota[0]) / int(quota[1])),
            ),
        )
    return limits


def _version_1_memory(mount: Path, path: str) -> CgroupLimits:
    limits = CgroupLimits()
    for folder in _upwards(mount, path):
        limit = _number(folder / "memory.limit_in_bytes")
        if limit is not None and limit < _UNLIMITED_BYTES:
            used = _used(folder, "memory.usage_in_bytes", "total_inactive_file")
            limits = _tighter(limits, CgroupLimits(memory_limit=limit, memory_used=used))
    return limits


def _version_1_cpu(mount: Path, controllers: str, path: str) -> CgroupLimits:
    limits = CgroupLimits()
    for name in ("cpu", controllers):
        for folder in _upwards(mount / name, path):
            quota = _number(folder / "cpu.cfs_quota_us")
            period = _number(folder / "cpu.cfs_period_us")
            if quota is not None and period and quota > 0:
                limits = _tighter(limits, CgroupLimits(cpus=math.ceil(quota / period)))
    return limits


def _upwards(mount: Path, path: str) -> list[Path]:
    """Return the folders from a group up to the mount; inside a container only some exist."""
    group = mount / path.lstrip("/")
    return [folder for folder in (group, *group.parents) if folder.is_relative_to(mount)]


def _tighter(left: CgroupLimits, right: CgroupLimits) -> CgroupLimits:
    """Return the lower number of cores, and of two memory limits the one with less room."""
    counts = [cpus for cpus in (left.cpus, right.cpus) if cpus is not None]
    limited = [one for one in (left, right) if one.memory_limit is not None]
    roomiest_last = sorted(
        limited, key=lambda one: (one.memory_limit or 0) - (one.memory_used or 0)
    )
    memory = roomiest_last[0] if limited else CgroupLimits()
    return CgroupLimits(memory.memory_limit, memory.memory_used, min(counts, default=None))


def _used(folder: Path, usage: str, reclaimable: str) -> int | None:
    used = _number(folder / usage)
    if used is None:
        return None
    for line in (_read(folder / "memory.stat") or "").splitlines():
        name, _, value = line.partition(" ")
        if name == reclaimable:
            return max(used - int(value), 0)
    return used


def _number(file: Path) -> int | None:
    text = _read(file)
    return int(text) if text is not None and text.lstrip("-").isdigit() else None


def _read(file: Path) -> str | None:
    """Return the text of a file of the kernel, or None where it is absent or not ours to read."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return None
