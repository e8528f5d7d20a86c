"""What every API test has: the school, a teacher for each file, and a course made for the test with one student. Helpers are in client.py."""

import pytest
from client import CA, URL
from fixtures import admin, anonymous, assistant, course, database, friend, newcomer, outsider, room, school, student  # noqa: F401  (fixtures)


def pytest_configure(config):
    if not URL or not CA:
        raise pytest.UsageError("The API tests need a running stack: ./dev up, then the variables of ./dev env in the environment.")


@pytest.fixture(scope="module")
def teacher(school):
    """The same for all tests of a file; who must be new to the school is school.person("staff")."""
    return school.person("staff")
