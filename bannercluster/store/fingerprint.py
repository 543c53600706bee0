"""Names by content: equal inputs give equal names, anything else another name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def fingerprint(value: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of a JSON-like mapping, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def content_id(data: bytes) -> bytes:
    """Return the 32 bytes of the SHA-256 of a file's bytes: the identity of a banner's content."""
    return hashlib.sha256(data).digest()


def of_contents(contents: Iterable[bytes], recipe: str) -> str:
    """Return the name of a list of contents treated by a recipe."""
    digest = hashlib.sha256(recipe.encode())
    for content in contents:
        digest.update(content)
    return digest.hexdigest()
