"""Fixtures of the API and of the fault tests: the school, and the people and places of a test. The conftest of each names those that it uses, and says who its teacher is."""

import os

import psycopg2
import pytest
from client import CA, URL, School
from rooms import make_room


@pytest.fixture(scope="session")
def school():
    if not URL or not CA:
        pytest.fail("no stack: ./dev up, then the variables of ./dev env in the environment")
    it = School()
    yield it
    it.close()


@pytest.fixture
def admin(school):
    return school.admin


@pytest.fixture
def anonymous(school):
    return school.anonymous()


@pytest.fixture
def course(school, teacher):
    return school.course(teacher)


def in_course(school, course, role="student"):
    person = school.person()
    school.enrol(course, person, role)
    return person


@pytest.fixture
def student(school, course):
    return in_course(school, course)


@pytest.fixture
def friend(school, course):
    return in_course(school, course)


@pytest.fixture
def assistant(school, course):
    return in_course(school, course, "assistant")


@pytest.fixture
def outsider(school):
    """In no course."""
    return school.person()


@pytest.fixture
def newcomer(school):
    """In no course yet."""
    return school.person()


@pytest.fixture
def room(teacher, course):
    return make_room(teacher, course)


@pytest.fixture
def database():
    """A cursor; each statement is its own transaction."""
    connection = psycopg2.connect(os.environ["EA_PG"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()
