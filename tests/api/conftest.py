"""Fixtures: `daemon` is one of its own for a test, `shared` one for all tests of a file."""
import pytest

from interlock_client import Daemon, install


@pytest.fixture
def daemon(tmp_path):
    with Daemon(install(tmp_path)) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Daemon(install(tmp_path_factory.mktemp("installation"))) as running:
        yield running
