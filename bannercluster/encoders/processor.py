"""What the processor can do, as far as it matters for the arithmetic of a network."""

import platform
from functools import lru_cache
from pathlib import Path

_BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
_LADDER = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")


@lru_cache(maxsize=1)
def cpu_flags() -> frozenset[str]:
    """Instruction-set flags of the processor as Linux names them; empty where it says nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware (AVX512_BF16 or AMX_BF16)."""
    return bool(_BF16_FLAGS & cpu_flags())


def cpu_instruction_set() -> str:
    """Name the widest instruction set that changes how a network is computed."""
    return next((flag for flag in _LADDER if flag in cpu_flags()), platform.machine())
