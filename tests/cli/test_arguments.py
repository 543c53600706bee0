import pytest

from bannercluster.cli.arguments import join_values


@pytest.mark.parametrize(
    ("typed", "joined"),
    [
        ("--k 5 10 15", "--k 5,10,15"),
        ("--k 5,10,15", "--k 5,10,15"),
        ("--k 5 --k 10 --k 15", "--k 5,10,15"),
        ("--k=5 10,15", "--k 5,10,15"),
        ("--k=5 --seed 3 --k=10", "--k 5,10 --seed 3"),
        ("--json --k 5 10 --seed 3", "--json --k 5,10 --seed 3"),
        ("--k 5 10 --models a b", "--k 5,10 --models a,b"),
        ("--k -1", "--k -1"),
        ("--k", "--k"),
        ("--k --json", "--k --json"),
        ("--seed 3 4", "--seed 3 4"),
        ("--k 5 -- --k 6", "--k 5 -- --k 6"),
        ("", ""),
    ],
)
def test_join_values(typed, joined):
    assert join_values(typed.split(), ("--k", "--models")) == joined.split()


def test_what_was_typed_is_not_changed():
    typed = ["--k", "5", "10"]
    join_values(typed, ("--k",))
    assert typed == ["--k", "5", "10"]
