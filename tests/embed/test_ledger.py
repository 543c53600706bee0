"""The ledger against the slow and obvious way: every alias of the store as a row in Python."""

from dataclasses import dataclass

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bannercluster.embed.inventory import Entry, Inventory
from bannercluster.embed.ledger import keep_ledger
from bannercluster.embed.listing import Fault

NAMES = ("a", "b", "c", "d", "")
CONTENTS = tuple(bytes([number]) * 32 for number in range(3))
OWN = ("banner_id", "file", "content_id", "first_day", "last_day", "nbytes", "modified")


@dataclass
class Store:
    """As much of a store as a ledger asks for."""

    aliases: pa.Table
    rejected: pa.Table

    def table(self, name: str) -> pa.Table:
        return getattr(self, name)


def key_of(row: dict) -> str:
    return row["banner_id"] or row["file"]


def by_hand(rows: list[dict], entries: list[Entry], inventory: Inventory) -> list[dict]:
    """What `keep_ledger` should do with the aliases of good and of unreadable files."""
    aliases = {key_of(row): row for row in rows}
    named: dict[str, bytes] = {}
    for entry in entries:
        key, content = entry.banner_id or entry.file, inventory.contents.get(entry.file)
        if entry.file in inventory.faults:
            aliases.pop(key, None)
            continue
        if named.setdefault(key, content) != content:
            aliases.pop(f"{key}\n{entry.file}", None)
            continue
        known = aliases.get(entry.file)
        named_before = known is not None and known["banner_id"] is None
        if entry.banner_id is not None and named_before and key not in aliases:
            aliases[key] = aliases.pop(entry.file)
        before = aliases.get(key)
        days = [entry.day] if entry.day else []
        if before is not None and before["content_id"] == content:
            days += [before[name] for name in ("first_day", "last_day") if before[name]]
        aliases[key] = {
            **dict(entry.extra),
            "banner_id": entry.banner_id,
            "file": entry.file,
            "content_id": content,
            "first_day": min(days, default=None),
            "last_day": max(days, default=None),
            "nbytes": entry.nbytes,
            "modified": entry.modified,
        }
    names = {name for row in aliases.values() for name in row}
    order = [*OWN, *sorted(names - set(OWN))]
    return [{name: row.get(name) for name in order} for row in aliases.values()]


entries_of_a_run = st.lists(
    st.builds(
        Entry,
        st.sampled_from([f"{name}.png" for name in "abcd"]),
        st.one_of(st.none(), st.sampled_from(NAMES)),
        st.one_of(st.none(), st.sampled_from(["2026-01-05", "2026-01-07", "2026-01-09"])),
        st.sampled_from([(), (("advertiser", "acorn"),), (("campaign", None),)]),
        st.just(7),
        st.sampled_from(["1", "2"]),
    ),
    max_size=6,
)
contents_of_a_run = st.fixed_dictionaries(
    {f"{name}.png": st.one_of(st.none(), st.sampled_from(CONTENTS)) for name in "abcd"}
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(entries_of_a_run, contents_of_a_run), min_size=1, max_size=4))
def test_runs_one_after_the_other(runs):
    store, rows = None, []
    for entries, contents in runs:
        inventory = Inventory(
            {file: content for file, content in contents.items() if content is not None},
            {file: Fault("unreadable", "") for file, content in contents.items() if not content},
        )
        kept = keep_ledger(entries, inventory, {}, store)
        rows = by_hand(rows, entries, inventory)
        assert kept.aliases.to_pylist() == rows
        store = Store(kept.aliases, kept.rejected)
