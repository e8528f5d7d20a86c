"""Fixtures of every API test: the school, a teacher for each file, and a course made for the test with one student. Helpers are in client.py."""

import pytest
from client import CA, URL, School


def pytest_configure(config):
    if not URL or not CA:
        raise pytest.UsageError("The API tests need a running stack: ./dev up, then the variables of ./dev env in the environment.")


@pytest.fixture(scope="session")
def school():
    it = School()
    yield it
    it.close()


@pytest.fixture
def admin(school):
    return school.admin


@pytest.fixture
def anonymous(school):
    return school.anonymous()


@pytest.fixture(scope="module")
def teacher(school):
    """The same for all tests of a file; who must be new to the school is school.person("staff")."""
    return school.person("staff")


@pytest.fixture
def course(school, teacher):
    return school.course(teacher)


@pytest.fixture
def student(school, course):
    person = school.person()
    school.enrol(course, person)
    return person


@pytest.fixture
def friend(school, course):
    person = school.person()
    school.enrol(course, person)
    return person


@pytest.fixture
def assistant(school, course):
    person = school.person()
    school.enrol(course, person, role="assistant")
    return person
