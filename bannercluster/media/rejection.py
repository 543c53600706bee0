"""The reason why the bytes of an image were not turned into pixels."""

from bannercluster.errors import BannerclusterError

REASONS = {
    "empty": "the file has no bytes",
    "too_many_bytes": "the file is larger than `DecodeLimits.max_nbytes`",
    "not_an_image": "the bytes are in none of the formats that are opened",
    "too_many_pixels": "the header promises more pixels than `DecodeLimits.max_pixels`",
    "truncated": "the file ends before its image does",
    "unsupported_mode": "the pixels are of a kind with no defined picture (float, Lab, ...)",
    "decode_error": "the file is damaged in another way",
    "out_of_memory": "decoding needs more than `DecodeLimits.memory_nbytes`",
    "decoder_timeout": "decoding takes more than its time (see `DecodeLimits.timeout_s`)",
    "decoder_crashed": "the decoder ended, or failed in a way of its own, on this image",
    "not_a_file": "a pipe, socket, device or folder in the place of a file",
    "outside_folder": "the path, or the link that it is, leaves the folder of images",
    "unreadable": "the file system refused",
}

MAY_PASS_LATER = frozenset(
    {"unreadable", "changed", "too_many_pixels", "out_of_memory"}
    | {"decoder_timeout", "decoder_crashed"}
)
"""Reasons that another limit, or another try, could mend."""


class ImageRejected(BannerclusterError):  # noqa: N818 - a verdict on one row, not a failure of ours
    """An image that costs its row, with a reason that can be counted.

    Parameters
    ----------
    reason : str
        One of the keys of `REASONS`: stable, meant to be stored and grouped by.
    detail : str
        What exactly was found, for a person to read.
    """

    def __init__(self, reason: str, detail: str) -> None:
        if reason not in REASONS:
            raise ValueError(f"unknown reason {reason!r}; expected one of {', '.join(REASONS)}")
        # Both go into args, so that the exception survives the way out of a child process.
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
