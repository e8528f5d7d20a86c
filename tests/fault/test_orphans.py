"""Files that nobody names: a process killed between storing a file and COMMIT leaves one, and a grader removes it when it is old enough."""

import os
import pathlib
import time

import pytest
import stack
import story
from client import problem, unique
from stack import until

pytestmark = pytest.mark.workers


@pytest.fixture
def traps():
    with stack.Traps() as it:
        yield it
    stack.await_ready(*it.of)


def stored():
    """All but the mark by which the grader makes a store its own (lib/blob.h), whenever it comes to do that."""
    return {str(p.relative_to(data())) for p in data().rglob("*") if p.is_file() and p.name != "owner"}


def data():
    return pathlib.Path(os.environ["EA_BLOB_DIR"]) / "data"


def age(key):
    """Older than EA_BLOB_ORPHAN_S."""
    day_ago = time.time() - 86400
    os.utime(data() / key, (day_ago, day_ago))


def left_by_a_kill(traps, student, assignment):
    """The key of the file that a process stored before it died with its transaction open."""
    before, name = stored(), unique("lost") + ".txt"
    traps.set("before", "submission_insert")
    problem(story.upload(student, assignment, name, b"some words"), 503)
    (key,) = stored() - before
    assert stack.value("SELECT count(*) FROM submission_files WHERE name = %s", name) == 0
    stack.await_ready(*traps.of)
    return key


def handed_in(student, assignment):
    """A submission and the key of its file."""
    submission = story.again(lambda: story.upload(student, assignment, "kept.txt", b"some words")).json()
    return submission, stack.value("SELECT blob FROM submission_files WHERE submission_id = %s", submission["id"])


def test_nothing_goes_from_the_store_of_another_database(traps, teacher, course, student):
    lost = left_by_a_kill(traps, student, story.make_assignment(teacher, course))
    age(lost)
    owner = data() / "owner"
    until("the grader has claimed the store", owner.exists)
    ours = owner.read_text()
    owner.write_text("0190a0a0-0000-7000-8000-000000000000")
    try:
        stack.restart("grader")
        until("a walk is refused", lambda: stack.metric("grader", "ea_blob_walks_refused_total") == 1)
        assert lost in stored()
    finally:
        owner.write_text(ours)


def test_an_old_file_that_no_submission_names_goes_and_no_other(traps, teacher, course, student):
    assignment = story.make_assignment(teacher, course)
    lost, young = left_by_a_kill(traps, student, assignment), left_by_a_kill(traps, student, assignment)
    submission, kept = handed_in(student, assignment)
    age(lost)
    age(kept)
    stack.restart("grader")  # it begins with a walk
    until("a walk is over", lambda: stack.metric("grader", "ea_blob_walks_total") == 1)
    assert {lost, young, kept} & stored() == {young, kept}
    (file,) = submission["files"]
    assert student.get(f"/v1/submissions/{submission['id']}/files/{file['id']}").content == b"some words"
