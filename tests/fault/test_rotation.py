"""Another key signs receipts: those of the old one hold all the same, for JOSE libraries as for ./dev verify-receipt, and nothing private is left of it."""

import json
import os
import pathlib
import subprocess

import pytest
import stack
import story
from jwcrypto import jwk, jws
from jwcrypto.common import JWException


def published(person):
    return person.get("/.well-known/jwks.json").text


def attempt_receipt(student, quiz):
    attempt = story.start(student, quiz)
    assert student.post(f"/v1/attempts/{attempt['id']}/submit").status_code == 202
    return attempt, student.get(f"/v1/attempts/{attempt['id']}/receipt").json()


def submission_receipt(teacher, course, student):
    made = story.hand_in(student, story.make_assignment(teacher, course), "Under the leaf")
    assert made.status_code == 201, made.text
    return student.get(f"/v1/submissions/{made.json()['id']}").json()


def holds_by_jose(receipt, keys):
    """A library that is not ours, with the key that the receipt names."""
    token = jws.JWS()
    token.deserialize(receipt["jws"], jwk.JWKSet.from_json(keys).get_key(receipt["key_id"]))
    return json.loads(token.payload)


def holds_by_dev(document, directory, *keys):
    """./dev verify-receipt: with the keys of a file, or those of the running instance."""
    (directory / "receipt.json").write_text(json.dumps(document))
    done = subprocess.run([str(stack.ROOT / "dev"), "verify-receipt", *keys, str(directory / "receipt.json")], capture_output=True, text=True)
    assert done.returncode == 0 and "The receipt holds." in done.stdout, done.stdout + done.stderr


def test_receipts_hold_after_the_key_was_rotated(teacher, course, student, tmp_path):
    quiz = story.make_quiz(teacher, course, questions=2)
    before = json.loads(published(student))["keys"]
    attempt, of_attempt = attempt_receipt(student, quiz)
    of_submission = submission_receipt(teacher, course, student)
    old = of_attempt["receipt"]["key_id"]
    assert of_submission["receipt"]["key_id"] == old
    (tmp_path / "before.json").write_text(published(student))

    for _ in range(2):
        stack.dev("rotate-receipt-key")
    keys = published(student)
    kids = [k["kid"] for k in json.loads(keys)["keys"]]
    assert len(kids) == len(set(kids)) == len(before) + 2 and {k["kid"] for k in before} <= set(kids)
    for document in (of_attempt, of_submission):
        assert holds_by_jose(document["receipt"], keys)["user_id"] == student.id
        holds_by_dev(document, tmp_path)

    # what is signed now is signed by the new key, which those who kept the old keys do not know
    anew = student.get(f"/v1/attempts/{attempt['id']}/receipt").json()
    assert anew["receipt"]["key_id"] not in (old, *[k["kid"] for k in before])
    assert anew["parts"] == of_attempt["parts"] and anew["receipt"]["sha256"] == of_attempt["receipt"]["sha256"]
    later = submission_receipt(teacher, course, student)
    assert later["receipt"]["key_id"] == anew["receipt"]["key_id"]
    for document in (anew, later):
        holds_by_jose(document["receipt"], keys)
        holds_by_dev(document, tmp_path)
    with pytest.raises(JWException):
        token = jws.JWS()
        token.deserialize(anew["receipt"]["jws"])
        token.verify(jwk.JWKSet.from_json((tmp_path / "before.json").read_text()))
    holds_by_dev(of_attempt, tmp_path, "--keys", str(tmp_path / "before.json"))

    # what was stored with the old receipt is shown as it was, and of the old key only the public part is left
    assert student.get(f"/v1/submissions/{of_submission['id']}").json()["receipt"] == of_submission["receipt"]
    secrets = stack.STATE / "secret"
    assert {f.name for f in (secrets / "retired").iterdir()} >= {old + ".pub"}
    assert all(f.suffix == ".pub" for f in (secrets / "retired").iterdir())


def test_a_gateway_that_cannot_read_a_retired_key_does_not_start(student):
    """It would publish too few keys, and receipts would seem to be forged."""
    bad = stack.STATE / "secret" / "retired" / "damaged.pub"
    kept = published(student)
    stack.dev("stop", "gateway-1")
    try:
        bad.write_text("no key\n")
        settings = {f.name: f.read_text().rstrip("\n") for f in (stack.STATE / "env" / "gateway-1").iterdir()}
        program = pathlib.Path(os.environ["EA_APP"]) / "bin" / "ea-gateway"
        done = subprocess.run([str(program)], env=settings, capture_output=True, text=True, timeout=stack.PATIENCE)
        assert done.returncode == 1 and "damaged" in done.stderr + done.stdout, done.stderr
    finally:
        bad.unlink(missing_ok=True)
        stack.dev("start", "gateway-1")
    assert published(student) == kept
