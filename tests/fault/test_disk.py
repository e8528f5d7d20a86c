"""A disk that is full while a file is uploaded: where nginx spools it, and where we keep it."""

import contextlib
import os
import pathlib
import subprocess

import pytest
import stack
import story
from client import eventually, problem

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")

MIB = 1 << 20
DISK, BALLAST, FILE = 12 * MIB, 10 * MIB, 6 * MIB


@contextlib.contextmanager
def small_disk(at):
    owner = at.stat()
    options = f"size={DISK},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "small", str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@pytest.fixture
def spool():
    at = stack.STATE / "nginx" / "spool"
    with small_disk(at):
        yield at


@pytest.fixture
def store():
    """Who has the directory open opens the small one instead, and afterwards the true one again."""
    at = pathlib.Path(os.environ["EA_BLOB_DIR"])
    users = stack.names("assignment", "grader")
    with small_disk(at):
        stack.each(stack.restart, *users)
        yield at
    stack.each(stack.restart, *users)


def files(at):
    """All but the mark by which the grader makes a store its own (lib/blob.h), whenever it comes to do that."""
    return [p for p in at.rglob("*") if p.is_file() and p.name != "owner"]


def full_then_free(at, teacher, student, course):
    assignment = story.make_assignment(teacher, course)
    content = os.urandom(FILE)
    ballast = at / "ballast"
    ballast.write_bytes(bytes(BALLAST))
    for _ in range(3):
        reply = story.upload(student, assignment, "work.bin", content)
        problem(reply, 507, "insufficient-storage")
        eventually(lambda: files(at) == [ballast])
    assert stack.value("SELECT count(*) FROM submissions WHERE assignment_id = %s", assignment["id"]) == 0
    # what needs no room there goes on
    assert story.hand_in(student, assignment, "a text").status_code == 201
    ballast.unlink()
    reply = story.upload(student, assignment, "work.bin", content)
    assert reply.status_code == 201, reply.text
    submission = reply.json()
    return student.get(f"/v1/submissions/{submission['id']}/files/{submission['files'][0]['id']}").content == content


def test_nginx_has_no_room_to_spool(teacher, student, course, spool):
    assert full_then_free(spool, teacher, student, course)
    eventually(lambda: files(spool) == [])


def test_we_have_no_room_to_store(teacher, student, course, store):
    assert full_then_free(store, teacher, student, course)
    assert len(files(store / "data")) == 1 and files(store / "tmp") == []
