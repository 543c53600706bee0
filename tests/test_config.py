import pickle
from pathlib import Path

import pytest

from bannercluster.config import (
    SECTIONS,
    ClusterConfig,
    EmbedConfig,
    RuntimeConfig,
    Settings,
    format_size,
    knobs,
    load_config,
    parse_size,
    semantic_fields,
)
from bannercluster.config.template import conf_yaml
from bannercluster.errors import ConfigError

TOP = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """No test reads the conf.yaml of the repository by chance."""
    monkeypatch.chdir(tmp_path)


def _write(text: str) -> str:
    Path("my.yaml").write_text(text, encoding="utf-8")
    return "my.yaml"


# The file in the repository and the definitions


def test_conf_yaml_is_written_from_the_definitions():
    assert (TOP / "conf.yaml").read_text(encoding="utf-8") == conf_yaml()


def test_conf_yaml_sets_every_key_to_its_default():
    settings = load_config({}, str(TOP / "conf.yaml"), {})
    assert settings == Settings()
    for section, cls in SECTIONS.items():
        for knob in knobs(cls):
            assert settings.origin(section, knob.name) == str(TOP / "conf.yaml")


@pytest.mark.parametrize("section", SECTIONS)
def test_every_knob_has_help_and_a_default_that_parses(section):
    for knob in knobs(SECTIONS[section]):
        assert knob.option.help
        knob.parse(knob.default)
        if knob.default is None:
            assert knob.optional


@pytest.mark.parametrize("section", ["paths", "runtime"])
def test_paths_and_runtime_never_enter_a_fingerprint(section):
    assert semantic_fields(SECTIONS[section]()) == {}


def test_semantic_fields_are_json_without_operational_ones():
    assert semantic_fields(ClusterConfig(k=(3, 4), product="bfloat16")) == {
        "k": [3, 4],
        "n_init": 10,
        "max_iter": 100,
        "tol": 1e-4,
        "seed": 0,
        "normalize": "l2",
        "spherical": False,
        "seeding_rows": 16384,
        "search": "full",
        "race_rows": 32768,
        "engine": "sweep",
        "modality": "image",
        "text_weight": 1.0,
        "image_components": 0,
        "text_components": 0,
        "predecessor": "auto",
    }
    assert "part_rows" not in semantic_fields(EmbedConfig())


# Layers


def test_each_layer_wins_over_the_one_below_and_is_named():
    file = _write("embed:\n  model: from_file\n  resize: squash\n  dtype: float32\n")
    environ = {"BC_EMBED_MODEL": "from_environment", "BC_EMBED_RESIZE": "letterbox"}
    settings = load_config({"embed": {"model": "from_flag"}}, file, environ)
    embed = settings.embed
    assert (embed.model, embed.resize, embed.dtype) == ("from_flag", "letterbox", "float32")
    assert settings.origin("embed", "model") == "flag --model"
    assert settings.origin("embed", "resize") == "environment BC_EMBED_RESIZE"
    assert settings.origin("embed", "dtype") == "my.yaml"
    assert settings.origin("embed", "engine") == "default"


def test_conf_yaml_in_the_working_directory_is_found():
    Path("conf.yaml").write_text("cluster: {seed: 7}\n", encoding="utf-8")
    settings = load_config(environ={})
    assert settings.cluster.seed == 7
    assert settings.origin("cluster", "seed") == "conf.yaml"


def test_bc_config_names_a_file_and_config_wins_over_it():
    file = _write("cluster: {seed: 7}\n")
    assert load_config({}, None, {"BC_CONFIG": file}).cluster.seed == 7
    assert load_config({}, file, {"BC_CONFIG": "absent.yaml"}).cluster.seed == 7


def test_named_file_that_is_missing():
    with pytest.raises(ConfigError, match=r"cannot read the config file absent\.yaml"):
        load_config({}, "absent.yaml", {})


def test_none_of_a_higher_layer_unsets():
    file = _write("paths: {manifest: table.csv}\n")
    assert load_config({}, file, {}).paths.manifest == "table.csv"
    assert load_config({}, file, {"BC_PATHS_MANIFEST": "none"}).paths.manifest is None


def test_empty_variable_counts_as_not_set():
    assert load_config({}, None, {"BC_EMBED_MODEL": ""}) == Settings()


def test_dask_variable_stands_below_our_own():
    theirs = {"DASK_SCHEDULER_ADDRESS": "tcp://a:1"}
    settings = load_config({}, None, theirs)
    assert settings.runtime.scheduler == "tcp://a:1"
    assert settings.origin("runtime", "scheduler") == "environment DASK_SCHEDULER_ADDRESS"
    both = load_config({}, None, theirs | {"BC_RUNTIME_SCHEDULER": "tcp://b:2"})
    assert both.runtime.scheduler == "tcp://b:2"


def test_scheduler_file_of_a_higher_layer_displaces_the_address():
    environ = {"DASK_SCHEDULER_ADDRESS": "tcp://a:1"}
    runtime = load_config({"runtime": {"scheduler_file": "s.json"}}, None, environ).runtime
    assert (runtime.scheduler, runtime.scheduler_file) == (None, "s.json")


def test_address_and_file_of_one_layer_contradict():
    given = {"runtime": {"scheduler": "tcp://a:1", "scheduler_file": "s.json"}}
    with pytest.raises(ConfigError, match="--scheduler and --scheduler-file both name a cluster"):
        load_config(given, None, {})


# What is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("emebd: {}", r"my\.yaml:1: unknown section 'emebd' \(did you mean 'embed'\?\)"),
        ("embed:\n  modle: x", r"my\.yaml:2: unknown key embed\.modle \(did you mean 'model'\?\)"),
        ("embed:\n  model: a\n  model: b", r"my\.yaml:3: 'model' is set twice"),
        ("embed: 5", r"my\.yaml:1: expected a key of embed"),
        ("- a", r"my\.yaml:1: expected a section"),
        ("embed: [", r"my\.yaml:\d: not valid YAML"),
        ("embed:\n  resize: sqash", r"my\.yaml:2: embed\.resize: expected one of native, "),
        ("cluster:\n  seed: 1.5", r"my\.yaml:2: cluster\.seed: expected a whole number of at"),
        ("cluster:\n  seed: true", r"expected a whole number of at least 0, got True"),
        ("cluster:\n  spherical: 1.0", r"expected true or false, got 1\.0"),
        ("cluster:\n  k: []", r"expected whole numbers of at least 1, got none"),
        ("cluster:\n  k: [5, x]", r"expected whole numbers of at least 1, got 'x'"),
        ("cluster:\n  tol: .nan", r"expected a number of at least 0"),
        ("embed:\n  model: 5", r"expected text, got 5"),
        ("embed:\n  day: 2025-13-01", r"expected a date such as 2025-03-31, got '2025-13-01'"),
        ("embed:\n  model: null", r"expected text, got nothing"),
        ("synth:\n  broken: 1.1", r"expected a number between 0 and 1, got 1\.1"),
        ("runtime:\n  memory: much", r"a size such as '6 GiB', got 'much'"),
    ],
)
def test_file_is_refused_with_the_place(text, message):
    with pytest.raises(ConfigError, match=message) as refused:
        load_config({}, _write(text), {})
    assert "\n" not in str(refused.value)


def test_unknown_variable_of_a_section_is_refused():
    with pytest.raises(ConfigError, match=r"BC_EMBED_MODLE .did you mean 'BC_EMBED_MODEL'"):
        load_config({}, None, {"BC_EMBED_MODLE": "x"})


def test_variables_of_other_programs_are_left_alone():
    assert load_config({}, None, {"BC_ENV_ARGS": "-l", "BC_LINE_LENGTH": "0"}) == Settings()


def test_flag_and_variable_are_named_in_the_error():
    with pytest.raises(ConfigError, match=r"^--n-init: expected a whole number of at least 1"):
        load_config({"cluster": {"n_init": "0"}}, None, {})
    with pytest.raises(ConfigError, match=r"^BC_CLUSTER_N_INIT: expected a whole number"):
        load_config({}, None, {"BC_CLUSTER_N_INIT": "many"})


@pytest.mark.parametrize("given", [{"nope": {}}, {"embed": {"nope": 1}}])
def test_unknown_override(given):
    given = {"nope": {"a": 1}} if "nope" in given else given
    with pytest.raises(ConfigError, match="unknown"):
        load_config(given, None, {})


# Types


@pytest.mark.parametrize(
    ("section", "name", "text", "value"),
    [
        ("cluster", "k", "5,10, 15", (5, 10, 15)),
        ("cluster", "k", "5 10", (5, 10)),
        ("cluster", "k", "7", (7,)),
        ("cluster", "spherical", "Yes", True),
        ("cluster", "spherical", "off", False),
        ("cluster", "tol", "1e-3", 1e-3),
        ("embed", "max_pixels", "1_000", 1000),
        ("evaluate", "models", "a,b", ("a", "b")),
        ("runtime", "memory", "6 GiB", 6 * 2**30),
        ("runtime", "memory", "1024", 1024),
        ("runtime", "workers", "none", None),
        ("embed", "day", "2025-03-31", "2025-03-31"),
    ],
)
def test_text_of_flag_and_environment(section, name, text, value):
    from_flag = load_config({section: {name: text}}, None, {})
    from_environment = load_config({}, None, {f"BC_{section}_{name}".upper(): text})
    assert getattr(from_flag.section(section), name) == value
    assert from_environment == from_flag


def test_yaml_is_read_by_version_1_2():
    file = _write(
        "runtime: {dashboard: off}\ncluster: {tol: 1e-4, normalize: none}\n"
        "embed: {day: 2025-03-31, max_pixels: 40_000}\n"
    )
    settings = load_config({}, file, {})
    assert settings.runtime.dashboard == "off"
    assert (settings.cluster.tol, settings.cluster.normalize) == (1e-4, "none")
    assert (settings.embed.day, settings.embed.max_pixels) == ("2025-03-31", 40_000)


def test_home_is_expanded_in_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ads")
    settings = load_config({"paths": {"images": "gs://bucket/~x"}}, None, {})
    assert settings.paths.cache == "/home/ads/.cache/bannercluster"
    assert settings.paths.images == "gs://bucket/~x"


# The structure


def test_python_callers_are_checked_too():
    assert RuntimeConfig(memory="2 GiB").memory == 2**31  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"cluster\.k: expected whole numbers of at least 1"):
        ClusterConfig(k=(0,))


def test_settings_are_immutable_and_pickle():
    settings = load_config({"embed": {"model": "x"}}, None, {})
    with pytest.raises(AttributeError):
        settings.embed.model = "y"  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(settings))
    assert again == settings
    assert again.origin("embed", "model") == "flag --model"


def test_replace_keeps_the_rest_and_says_where_the_value_is_from():
    settings = load_config({"embed": {"model": "x", "dtype": "float32"}}, None, {})
    changed = settings.replace("embed", model="y", origin="demo")
    assert (changed.embed.model, changed.embed.dtype) == ("y", "float32")
    assert changed.origin("embed", "model") == "demo"
    assert changed.origin("embed", "dtype") == "flag --dtype"
    with pytest.raises(ConfigError, match=r"unknown key embed\.modle"):
        settings.replace("embed", modle="y")


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [("6 GiB", 6 * 2**30), ("6G", 6 * 2**30), ("1.5 kb", 1500), ("10", 10), (10, 10)],
)
def test_sizes(text, nbytes):
    assert parse_size(text) == nbytes


@pytest.mark.parametrize("text", ["", "GiB", "-1", "0", "6 elephants", "nan"])
def test_no_sizes(text):
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (2**10, "1.00 KiB"), (6 * 2**30, "6.00 GiB"), (-5, "-5 B")],
)
def test_sizes_as_text(nbytes, text):
    assert format_size(nbytes) == text
