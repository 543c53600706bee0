"""A real S3 server and a GCS emulator as processes on loopback, each behind a proxy of ours."""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import pytest

from bannercluster.cli.main import main

from .proxy import Proxy
from .world import STAGES, Typist, canonical, upload

# As users set them, but for the retries of the client: a server that is gone is tried for minutes.
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_MAX_ATTEMPTS": "1",
    "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
    "BC_RUNTIME_DASHBOARD": "off",
    "BC_RUNTIME_WORKERS": "2",
    "NO_PROXY": "127.0.0.1",
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def _server(command: list[str], port: int):
    """Run a server until the block ends; it answers when the block begins."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60):
                    break
            except OSError:
                assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
                assert time.monotonic() < deadline, f"{command[0]} does not answer"
                time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _proxied(package: str, client: str, script: str, *arguments: str, **options):
    for name in (package, client):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed (pip install bannercluster[dev])")
    port = _free_port()
    command = [str(Path(sys.executable).with_name(script))]
    with _server([*command, *(a.format(port=port) for a in arguments)], port):
        proxy = Proxy(("127.0.0.1", port), **options).start()
        try:
            yield proxy
        finally:
            proxy.stop()


@pytest.fixture(scope="package")
def _s3():
    with _proxied("moto", "s3fs", "moto_server", "-H", "127.0.0.1", "-p", "{port}") as proxy:
        yield proxy


@pytest.fixture(scope="package")
def _gs():
    words = ("start", "--host", "127.0.0.1", "--port", "{port}", "--in-memory", "--quiet")
    with _proxied(
        "gcp_storage_emulator", "gcsfs", "gcp-storage-emulator", *words, keeps_preconditions=True
    ) as proxy:
        yield proxy


@pytest.fixture(scope="package")
def network_cache(tmp_path_factory):
    """Exported networks: the folder that the end-to-end tests use too."""
    return str(tmp_path_factory.getbasetemp() / "network-cache")


@pytest.fixture(scope="package")
def surroundings(_s3, _gs, network_cache):
    """The environment in which commands and clients of this process run."""
    variables = {
        **SETTINGS,
        "AWS_ENDPOINT_URL": _s3.url,
        "STORAGE_EMULATOR_HOST": _gs.url,
        "BC_PATHS_CACHE": network_cache,
        "BC_EMBED_MODEL": "efficientnet_lite0",
    }
    ours = ("BC_", "AWS_", "FSSPEC_", "GOOGLE_", "GCSFS_", "DASK_", "http", "HTTP")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(ours)]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables


@pytest.fixture(scope="package")
def proxies(surroundings, _s3, _gs):
    """Both proxies, by protocol."""
    return {"s3": _s3, "gs": _gs}


@pytest.fixture(scope="package")
def typist(proxies, tmp_path_factory):
    typist = Typist(tmp_path_factory.mktemp("typed"))
    yield typist
    typist.close()


@pytest.fixture(scope="package")
def local(typist, tmp_path_factory):
    """Forty banners, and a run of all stages on the local disk."""
    root = tmp_path_factory.mktemp("local")
    drawn = "synth banners --banners 40 --advertisers 4 --broken 0.1 --workers 1 --json"
    assert main([*drawn.split(), "--images", str(root / "images")]) == 0
    ran = typist.type(str(root), *STAGES)
    assert (ran.status, ran.codes) == (0, [3, 0, 0, 0, 0]), ran
    return root


@pytest.fixture(scope="package")
def wanted(local):
    """What a run must leave, wherever."""
    return canonical(str(local))


@pytest.fixture(scope="package")
def with_images(local, proxies):
    """A bucket of each protocol with the images in it; tests work in copies."""
    made = {protocol: new_bucket(protocol) for protocol in proxies}
    for url in made.values():
        upload(local / "images", url)
    return made


@pytest.fixture(autouse=True)
def _no_harm_left(proxies):
    """Take away the faults of a test."""
    yield
    for proxy in proxies.values():
        proxy.reset()


@pytest.fixture
def s3(proxies):
    return proxies["s3"]


@pytest.fixture
def gs(proxies):
    return proxies["gs"]


@pytest.fixture(params=["s3", "gs"])
def protocol(request):
    return request.param


@pytest.fixture
def proxy(proxies, protocol):
    return proxies[protocol]


@pytest.fixture
def bucket(surroundings, protocol, proxy):
    url = new_bucket(protocol)
    proxy.seen.clear()
    return url


def new_bucket(protocol: str) -> str:
    """Make a bucket and return its URL."""
    import fsspec

    name = f"bkt-{uuid.uuid4().hex[:12]}"
    fsspec.filesystem(protocol, use_listings_cache=False).mkdir(name)
    return f"{protocol}://{name}"
