import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bannercluster.cli.main import main
from bannercluster.errors import BannerclusterError, DataError, StoreError


def bc(line: str) -> int:
    return main(line.split())


# Settings from flags


@pytest.mark.parametrize("typed", ["--k 3 4 5", "--k 3,4,5", "--k 3 --k 4 --k 5", "--k=3 4,5"])
def test_k_in_every_way(stage, typed, capsys):
    assert main(["cluster", *typed.split(), "--seed", "9"]) == 0
    assert stage.settings[0].cluster.k == (3, 4, 5)
    assert stage.settings[0].cluster.seed == 9


def test_flags_say_where_they_came_from(stage, capsys):
    assert bc("embed --model efficientnet_lite0 --resize squash --images here") == 0
    (settings,) = stage.settings
    assert (settings.embed.model, settings.embed.resize) == ("efficientnet_lite0", "squash")
    assert settings.origin("embed", "model") == "flag --model"
    assert settings.origin("paths", "images") == "flag --images"
    assert settings.origin("runtime", "dashboard") == "environment BC_RUNTIME_DASHBOARD"
    assert settings.origin("embed", "engine") == "default"


def test_names_and_folder_of_models(stage, capsys):
    assert bc("evaluate --models folder --model a b") == 0
    assert stage.settings[0].paths.models == "folder"
    assert stage.settings[0].evaluate.models == ("a", "b")


@pytest.mark.parametrize(("flag", "value"), [("--spherical", True), ("--no-spherical", False)])
def test_switches(stage, flag, value, capsys):
    assert main(["cluster", flag]) == 0
    assert stage.settings[0].cluster.spherical is value


def test_config_file(stage, tmp_path, capsys):
    (tmp_path / "other.yaml").write_text("embed: {model: from_file}\n")
    assert bc("embed --config other.yaml") == 0
    assert stage.settings[0].embed.model == "from_file"


# What a stage prints


def test_tables_on_stdout_and_nothing_on_stderr(stage, capsys):
    assert main(["embed"]) == 0
    printed = capsys.readouterr()
    assert "What was doubled" in printed.out
    assert re.search(r"3 +6", printed.out)
    assert printed.err == ""


def test_json_is_all_of_stdout(stage, capsys):
    assert main(["embed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "doubled": [0, 2, 4, 6],
        "model": "efficientnet_b4",
        "n_rejected": 0,
        "share": None,
    }


def test_dry_run_prints_the_plan_and_runs_nothing(stage, capsys):
    stage.raises = AssertionError("ran")
    assert main(["embed", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "efficientnet_b4" in out
    assert "memory: fits into 1.00 GiB" in out
    assert re.search(r"network +1\.00 MiB +x 2 +2\.00 MiB", out)


def test_dry_run_as_json(stage, capsys):
    assert bc("embed --dry-run --json --workers 3") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["summary"]["rows in"] == "4"
    assert plan["memory"]["total_bytes"] == 3 * 2**20
    assert plan["memory"]["fits"] is True


def test_dashboard_is_named(stage, capsys, monkeypatch):
    monkeypatch.setenv("BC_RUNTIME_DASHBOARD", "127.0.0.1:0")
    assert main(["embed"]) == 0
    assert "dashboard: http://127.0.0.1:" in capsys.readouterr().err
    assert main(["embed", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


# Exit codes


def test_rejected_rows(stage, capsys):
    stage.n_rejected = 2
    assert main(["embed"]) == 3


@pytest.mark.parametrize(("error", "code"), [(DataError, 2), (StoreError, 1)])
def test_errors_are_one_line(stage, error, code, capsys):
    stage.raises = error("got this,\n  expected that")
    assert main(["embed"]) == code
    printed = capsys.readouterr()
    assert printed.err == "error: got this, expected that\n"
    assert printed.out == ""


def test_verbose_shows_where_an_error_came_from(stage, capsys):
    stage.raises = StoreError("disk is full")
    assert main(["embed", "--verbose"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("error: disk is full\n")


def test_plan_that_does_not_fit(stage, capsys):
    stage.nbytes = 2**30
    assert main(["embed"]) == 1
    assert capsys.readouterr().err.startswith("error: embed needs 2.00 GiB (0 B once and 1.00 GiB")


def test_a_fault_of_ours_is_one_line_that_names_the_traceback(stage, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stage.raises = ZeroDivisionError("by nothing")
    assert main(["embed"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(
        "error: a fault of bannercluster: ZeroDivisionError: by nothing (at bannercluster/cli/"
    )
    (kept,) = tmp_path.glob("bannercluster-fault-*.txt")
    assert printed.err.endswith(f"please report it: the traceback is in {kept}\n")
    assert printed.err.count("\n") == 1
    assert "ZeroDivisionError: by nothing" in kept.read_text()
    assert "raise self.raises" in kept.read_text()


def test_verbose_prints_the_traceback_of_a_fault(stage, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stage.raises = ZeroDivisionError()
    assert main(["embed", "--verbose"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith("please report it: the traceback is above\n")
    assert not list(tmp_path.glob("bannercluster-fault-*"))


def test_no_place_for_the_traceback_prints_it(stage, capsys, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    stage.raises = ZeroDivisionError()
    assert main(["embed"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_what_the_system_refuses_is_no_fault_of_ours(stage, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stage.raises = OSError(28, "No space left on device", "a/file")
    assert main(["embed"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "error: the system refused: [Errno 28] No space left on device: 'a/file'"
    )
    assert "report" not in said


def test_a_reader_that_went_away_is_no_error(stage, capsys):
    stage.raises = BrokenPipeError(32, "Broken pipe")
    assert main(["embed"]) == 1
    assert capsys.readouterr().err == ""


def test_full_output(capsys):
    full = Path("/dev/full").open("w")  # noqa: SIM115 what is left in its buffer cannot be closed
    with contextlib.redirect_stdout(full):
        assert main(["config", "show", "--section", "cluster"]) == 1
    with contextlib.suppress(OSError):
        full.close()
    assert capsys.readouterr().err.startswith("error: the system refused: [Errno 28] No space")


def test_interrupt(stage, capsys):
    stage.raises = KeyboardInterrupt()
    assert main(["embed"]) == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_interrupt_on_a_terminal_says_so_at_once(stage, capsys, monkeypatch):
    handlers = {}
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("signal.signal", lambda number, handler: handlers.update({number: handler}))
    ended = []
    monkeypatch.setattr("os._exit", ended.append)
    stage.raises = KeyboardInterrupt()
    assert main(["embed"]) == 130
    first, last = capsys.readouterr().err.splitlines()[-2:]
    assert first == "stopping: the tasks in work end first; Ctrl-C again stops at once"
    assert last.startswith("interrupted: ")
    handlers[signal.SIGINT](signal.SIGINT, None)
    assert ended == [130]


def test_unreachable_scheduler(stage, capsys, monkeypatch):
    from bannercluster.runtime import cluster

    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 0.3)
    assert bc("embed --scheduler tcp://127.0.0.1:1") == 1
    assert "no Dask scheduler answered at tcp://127.0.0.1:1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("embed --resize sqash", "error: --resize: expected one of native, letterbox, squash"),
        (
            "embed --modle x",
            "error: no such option: --modle (Possible options: --model, --pool). "
            "See `bc embed --help`",
        ),
        ("emebd", "error: no such command 'emebd'. Did you mean 'embed'? See `bc --help`"),
        ("cluster --k", "error: option '--k' requires an argument. See `bc cluster --help`"),
        ("cluster --k 0", "error: --k: expected whole numbers of at least 1, got '0'"),
        ("embed --config absent.yaml", "error: cannot read the config file absent.yaml"),
        ("embed extra", "extra"),
        ("config show --section nope", "error: --section: expected one of paths, runtime"),
    ],
)
def test_wrong_usage(stage, typed, said, capsys):
    assert bc(typed) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize("typed", ["", "config", "synth"])
def test_no_command_shows_the_help_and_is_no_success(typed, capsys):
    assert bc(typed) == 2
    printed = capsys.readouterr()
    assert "Usage: bc" in printed.out
    assert printed.err == ""


def test_errors_have_the_exit_codes_of_the_promise():
    codes = {kind.__name__: kind.exit_code for kind in BannerclusterError.__subclasses__()}
    assert codes.pop("UsageError") == 2
    assert set(codes.values()) == {1}


# Help


def test_version(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"bannercluster \d+\.\d+.*\n", capsys.readouterr().out)


def test_help_lists_the_commands_in_the_order_of_the_data(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    names = ["synth", "embed", "cluster", "evaluate", "predict", "report", "demo", "config"]
    places = [out.index(f"│ {name} ") for name in [*names, "doctor"]]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "command",
    [
        *("synth", "synth banners", "embed", "cluster", "evaluate", "predict", "report", "demo"),
        *("config", "config show", "doctor"),
    ],
)
def test_every_help_page(command, capsys):
    assert main([*command.split(), "-h"]) == 0
    short = capsys.readouterr().out
    assert main([*command.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert out == short
    assert "Show this page" in out
    assert max(len(line) for line in out.splitlines()) <= 100


def test_help_shows_defaults_and_choices(capsys):
    assert main(["embed", "--help"]) == 0
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "(native | letterbox | squash; default: native)" in out
    assert "(default: efficientnet_b4)" in out


def test_time_of_help():
    """Prints the time and asserts none: `bc --help` should answer within half a second."""
    code = "import sys; from bannercluster.cli.main import main; sys.exit(main(['--help']))"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    print(f"bc --help: {time.perf_counter() - started:.2f} s")


# The other commands


def test_config_show(capsys, monkeypatch):
    monkeypatch.setenv("BC_RUNTIME_MEMORY", "6 GiB")
    assert main(["config", "show"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"runtime\.memory +6\.00 GiB +environment BC_RUNTIME_MEMORY", out)
    assert re.search(r"cluster\.k +5 10 15 +default", out)
    assert re.search(r"predict\.model +- \(the one that evaluate chose\) +default", out)


def test_config_show_as_json(capsys):
    assert bc("config show --section cluster --json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == ["cluster"]
    assert shown["cluster"]["k"] == {"value": [5, 10, 15], "origin": "default"}


def test_doctor(capsys):
    code = bc("doctor --model efficientnet_lite0")
    out = capsys.readouterr().out
    assert code == 0, out
    for topic in ("version", "CPU", "memory", "disk", "images", "Dask", "GPU", "engine", "weights"):
        assert topic in out
    assert "bc synth banners" in out


def test_doctor_says_what_to_do(capsys):
    assert bc("doctor --json --model efficientnet_lite0 --memory 900TiB") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    (memory,) = (one for one in found["checks"] if one["topic"] == "memory")
    assert memory["verdict"] == "bad"
    assert "--memory" in memory["remedy"]


def test_synth_banners(capsys, tmp_path):
    typed = "synth banners --images made --banners 6 --advertisers 2 --workers 1 --json"
    assert bc(typed) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["n_files"] == 6
    assert (tmp_path / "made" / "manifest.csv").is_file()


def test_synth_banners_dry_run(capsys, tmp_path):
    assert bc("synth banners --images made --banners 6 --dry-run") == 0
    assert re.search(r"banners +6", capsys.readouterr().out)
    assert not (tmp_path / "made").exists()


def test_demo(capsys, monkeypatch):
    import types

    from .conftest import FakeResult

    given = {}

    def run_demo(settings, *, folder, progress):
        given.update(folder=folder, n_banners=settings.synth.n_banners)
        return FakeResult((1,), "demo")

    module = types.ModuleType("bannercluster.flows.demo")
    module.run_demo = run_demo  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bannercluster.flows", types.ModuleType("bannercluster.flows"))
    monkeypatch.setitem(sys.modules, "bannercluster.flows.demo", module)
    assert bc("demo --folder there --banners 50") == 0
    assert given == {"folder": "there", "n_banners": 50}
    assert "What was doubled" in capsys.readouterr().out
