"""Fixtures of the fault tests against the running stack; its clients are those of the API tests. Workers alone are tested with rig.py."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

import client  # noqa: E402
from fixtures import course, room, school, student  # noqa: E402, F401  (those of the API tests)
from rig import rig, servers, template  # noqa: E402, F401  (fixtures: once for all modules)

client.hold_against_contract = lambda response: None  # the API tests do that; here it would only slow the clients down


def pytest_configure(config):
    config.addinivalue_line("markers", "workers: what workers do later, a step of ./dev check by itself")


@pytest.fixture
def teacher(school):
    return school.person("staff")
