"""``conf.yaml`` with every setting at its default: ``python -m bannercluster.config.template``."""

import inspect
import json
import sys

from bannercluster.config.knobs import Knob, knobs
from bannercluster.config.sections import SECTIONS

_HEADER = """\
# Every setting of bannercluster with its default. A flag (bc embed --model NAME) and an environment
# variable (BC_EMBED_MODEL) win over this file; `bc config show` says what holds, and from where.
# Lines that you do not change may be left out. Written by python -m bannercluster.config.template
"""


def conf_yaml() -> str:
    """Return the text of ``conf.yaml``."""
    blocks = [_HEADER]
    for name, section in SECTIONS.items():
        lines = [f"# {inspect.getdoc(section)}", f"{name}:"]
        for knob in knobs(section):
            lines += [f"  # {describe(knob)}", f"  {knob.name}: {_scalar(knob.default)}"]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def describe(knob: Knob) -> str:
    """Return the help text of a setting with its choices and what holds while it is not set."""
    text = knob.option.help
    if knob.choices:
        text += f" ({' | '.join(knob.choices)})"
    empty = "[]" if knob.many else "null"
    return f"{text}; {empty}: {knob.option.unset}" if knob.option.unset else text


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return json.dumps(value) if value in ("none", "off") or ": " in value else value
    return json.dumps(value)


if __name__ == "__main__":
    sys.stdout.write(conf_yaml())
