"""Receipts: the whole chain from a text to the signature, worked out by jwcrypto and Python's own hashes, and by ./dev verify-receipt; and what each of their faults is called."""

import base64
import copy
import hashlib
import json
import os
import pathlib
import subprocess

import pytest
from client import problem
from jwcrypto import jwk, jws
from quizzes import NOWHERE, RIGHT, begin, read, saved, set_quiz, submit

DEV = pathlib.Path(__file__).resolve().parents[2] / "dev"
ESSAY = "Ünder the leaf ✓\n"


def sha256(text):
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


def receipt_of(person, attempt):
    reply = person.get(f"/v1/attempts/{attempt['id']}/receipt")
    assert reply.status_code == 200, reply.text
    return reply.json()


def payload_of(receipt):
    body = receipt["jws"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


@pytest.fixture
def keys(student):
    return student.get("/.well-known/jwks.json").text


@pytest.fixture
def verify(keys, tmp_path):
    """./dev verify-receipt with keys and receipt as files: (exit code, what it says)."""

    def run(document, *files, keys=keys, stdin=False):
        text = document if isinstance(document, str) else json.dumps(document)
        (tmp_path / "jwks.json").write_text(keys)
        (tmp_path / "receipt.json").write_text(text)
        command = [str(DEV), "verify-receipt", "--keys", str(tmp_path / "jwks.json"), "-" if stdin else str(tmp_path / "receipt.json"), *map(str, files)]
        done = subprocess.run(command, input=text if stdin else "", capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def attempt(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course))
    saved(student, attempt, 1, 0, RIGHT["choice"])
    saved(student, attempt, 3, 0, {"text": "first"})
    saved(student, attempt, 3, 1, {"text": 'chloro"phyll ü ✓ \\ \n'})
    return attempt


@pytest.fixture
def handed_in(student, attempt):
    """What GET of the receipt says."""
    submit(student, attempt)
    return receipt_of(student, attempt)


def refused(outcome, words):
    code, said = outcome
    assert code == 1 and words in said and "The receipt does NOT hold." in said and "The receipt holds." not in said, said


def holds(outcome):
    code, said = outcome
    assert code == 0 and said.endswith("The receipt holds.\n") and "ALTERED" not in said and "REFUSED" not in said, said
    return said


# ---- attempts ----


def test_every_hash_can_be_worked_out_by_others(student, attempt, keys):
    reply = submit(student, attempt)
    document = receipt_of(student, attempt)
    receipt, parts = document["receipt"], document["parts"]
    assert receipt == reply["receipt"]
    token = jws.JWS()
    token.deserialize(receipt["jws"], jwk.JWKSet.from_json(keys).get_key(receipt["key_id"]))
    assert json.loads(token.objects["protected"]) == {"alg": "EdDSA", "typ": "ea-receipt+jws", "kid": receipt["key_id"]}
    said = json.loads(token.payload)
    for part in parts:
        assert part["sha256"] == sha256(part["text"]) and part["size"] == len(part["text"].encode())
    assert said["parts"] == [{k: part[k] for k in ("name", "size", "sha256")} for part in parts]
    assert said["sha256"] == receipt["sha256"] == sha256("".join(f"{p['sha256']}  {p['name']}\n" for p in parts))
    assert said == {"kind": "attempt", "attempt_id": attempt["id"], "quiz_id": attempt["quiz_id"], "user_id": student.id,
                    "submitted_at": reply["submitted_at"], "sha256": receipt["sha256"], "parts": said["parts"]}
    # the texts are the answers that were given
    answers = {f"slot {s['slot']} rev {s['rev']}": s["answer"] for s in read(student, attempt)["slots"] if s["rev"]}
    assert {p["name"]: json.loads(p["text"]) for p in parts} == answers and len(answers) == 2


def test_who_may_have_it_and_when(school, teacher, course, student, attempt):
    path = f"/v1/attempts/{attempt['id']}/receipt"
    assert "in progress" in problem(student.get(path), 409, "conflict")["detail"]
    problem(teacher.get(path), 409, "conflict")
    submit(student, attempt)
    mine = receipt_of(student, attempt)
    assert receipt_of(teacher, attempt) == mine and receipt_of(student, attempt) == mine
    other, stranger = school.person(), school.person("staff")
    school.enrol(course, other)
    problem(other.get(path), 404)
    problem(stranger.get(path), 404)
    problem(school.anonymous().get(path), 401)
    problem(student.get(f"/v1/attempts/{NOWHERE}/receipt"), 404)
    problem(student.get("/v1/attempts/x/receipt"), 404)


def test_the_command_says_who_handed_in_what_and_when(student, attempt, handed_in, verify):
    said = holds(verify(handed_in))
    for word in (student.id, attempt["id"], attempt["quiz_id"], handed_in["receipt"]["submitted_at"]):
        assert word in said
    assert [line for line in said.splitlines() if line.startswith("  ")] == [f"  {p['name']}, {p['size']} bytes: ok" for p in handed_in["parts"]]
    assert holds(verify(handed_in, stdin=True)) == said
    for less in (handed_in["receipt"], handed_in["receipt"]["jws"], handed_in["receipt"]["jws"] + "\n"):
        assert holds(verify(less)).count("bytes: not compared") == 2


def test_the_running_instance_tells_its_keys(handed_in):
    done = subprocess.run([str(DEV), "verify-receipt", "-"], input=json.dumps(handed_in), capture_output=True, text=True)
    holds((done.returncode, done.stdout + done.stderr))


def test_an_attempt_without_answers_has_a_receipt(teacher, course, student, verify):
    attempt = begin(student, set_quiz(teacher, course))
    submit(student, attempt)
    document = receipt_of(student, attempt)
    assert document["parts"] == [] and document["receipt"]["sha256"] == sha256("")
    assert "nothing was in it" in holds(verify(document))


def altered_answer(d):
    d["parts"][1]["text"] = d["parts"][1]["text"].replace("phyll", "phylL")


def altered_answer_and_its_hash(d):
    altered_answer(d)
    d["parts"][1]["sha256"] = sha256(d["parts"][1]["text"])


def shown_hash(d):
    d["receipt"]["sha256"] = sha256("")


def shown_time(d):
    d["receipt"]["submitted_at"] = "2020-01-01T00:00:00.000Z"


def signed_time(d):
    head, _, mark = d["receipt"]["jws"].split(".")
    said = json.dumps(payload_of(d["receipt"]) | {"submitted_at": "2020-01-01T00:00:00.000Z"}).encode()
    d["receipt"]["jws"] = ".".join([head, base64.urlsafe_b64encode(said).decode().rstrip("="), mark])


def signature(d):
    head, body, mark = d["receipt"]["jws"].split(".")
    d["receipt"]["jws"] = ".".join([head, body, ("A" if mark[0] != "A" else "B") + mark[1:]])


LIST = "The list of parts is not the list that was signed."
FAULTS = {
    "an answer": (altered_answer, "bytes: ALTERED"),
    "an answer and its hash": (altered_answer_and_its_hash, LIST),
    "a part taken out": (lambda d: d["parts"].pop(), LIST),
    "a part added": (lambda d: d["parts"].append(d["parts"][0]), LIST),
    "another order": (lambda d: d["parts"].reverse(), LIST),
    "a text that is none": (lambda d: d["parts"][0].update(text=7), LIST),
    "another name": (lambda d: d["parts"][0].update(name="slot 2 rev 1"), LIST),
    "the hash shown": (shown_hash, "another hash of the list"),
    "the time shown": (shown_time, "another time"),
    "the time signed": (signed_time, "The signature does not fit"),
    "the signature": (signature, "The signature does not fit"),
    "no signature": (lambda d: d["receipt"].update(jws="e30.e30."), "no compact JWS"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_altered_is_refused_in_its_own_words(handed_in, verify, fault):
    alter, words = FAULTS[fault]
    document = copy.deepcopy(handed_in)
    alter(document)
    assert document != handed_in
    refused(verify(document), words)
    holds(verify(handed_in))


def signed_by(key, kid, payload, typ="ea-receipt+jws"):
    token = jws.JWS(json.dumps(payload).encode())
    token.add_signature(key, None, json.dumps({"alg": "EdDSA", "typ": typ, "kid": kid}))
    return token.serialize(compact=True)


def test_other_keys_are_refused(student, handed_in, verify):
    mine = jwk.JWK.generate(kty="OKP", crv="Ed25519", kid="mine")
    published = json.dumps({"keys": [json.loads(mine.export_public())]})
    refused(verify(handed_in, keys=published), "names a key that is not among the keys")
    said = payload_of(handed_in["receipt"])
    refused(verify(signed_by(mine, "mine", said)), "names a key that is not among the keys")
    refused(verify(signed_by(mine, handed_in["receipt"]["key_id"], said)), "The signature does not fit")
    holds(verify(signed_by(mine, "mine", said), keys=published))
    refused(verify(signed_by(mine, "mine", said, typ="JWT"), keys=published), "signed as something else")
    refused(verify(signed_by(mine, "mine", {"kind": "attempt"}), keys=published), "what is signed is no receipt")
    refused(verify(signed_by(mine, "mine", said | {"sha256": sha256("")}), keys=published), "contradicts itself")
    refused(verify(student.token), "signed as something else")


def test_what_cannot_be_told_is_no_refusal(handed_in, verify):
    for document in ("", "{", "[]", "{}", '{"receipt": 7}'):
        code, said = verify(document)
        assert code == 2 and "there is no receipt in it" in said, said
    for keys in ("", "{}", '{"keys": []}'):
        code, said = verify(handed_in, keys=keys)
        assert code == 2 and "no Ed25519 key" in said, said
    code, said = verify(handed_in, "/nonexistent")
    assert code == 2 and "No such file" in said, said
    for arguments in ([], ["--keys"], ["--keys", "/nonexistent", "-"]):
        done = subprocess.run([str(DEV), "verify-receipt", *arguments], input="", capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr, arguments


def test_it_needs_no_network(handed_in, keys, tmp_path):
    (tmp_path / "jwks.json").write_text(keys)
    tool = pathlib.Path(os.environ["EA_APP"]) / "bin" / "ea-receipt"
    done = subprocess.run(["unshare", "--net", "--map-root-user", str(tool), "--keys", str(tmp_path / "jwks.json"), "-"],
                          input=json.dumps(handed_in), capture_output=True, text=True, env={})
    if "unshare failed" in done.stderr:
        pytest.skip("namespaces are not allowed here")
    holds((done.returncode, done.stdout + done.stderr))


@pytest.mark.parametrize("name", ["-", "--", "verify-", "verify-receipt-", "../cmd/up", "-up", "verify_receipt", "Up"])
def test_dev_takes_names_of_commands_only(name):
    done = subprocess.run([str(DEV), name], capture_output=True, text=True)
    assert done.returncode == 2 and "no such command" in done.stderr


# ---- submissions ----


def test_a_submission_is_checked_with_its_files(teacher, course, student, verify, tmp_path):
    fields = {"title": "Leaf", "points": 10, "accepts": ["text", "file"], "max_files": 2, "extensions": ["txt", "md"]}
    reply = teacher.post(f"/v1/courses/{course['id']}/assignments", json=fields)
    assert reply.status_code == 201, reply.text
    assert teacher.post(f"/v1/assignments/{reply.json()['id']}/publish").status_code == 200
    report = tmp_path / "my report.md"
    report.write_bytes(b"# Leaves\n\0\xff")
    made = student.post(f"/v1/assignments/{reply.json()['id']}/submissions", data={"text": ESSAY},
                        files=[("file", ("my report.md", report.read_bytes())), ("file", ("b.txt", b"b\n"))])
    assert made.status_code == 201, made.text
    shown = student.get(f"/v1/submissions/{made.json()['id']}").json()
    said = holds(verify(shown, report))
    assert said.startswith(f"User {student.id}\nhanded in submission {shown['id']}\n")
    assert [line.rpartition(": ")[2] for line in said.splitlines() if line.startswith("  ")] == ["ok", "ok", "not compared"]
    assert holds(verify(made.json(), report)).count("not compared") == 2
    refused(verify(shown | {"text": "Over the leaf\n"}), f"text, {len(ESSAY.encode())} bytes: ALTERED")
    refused(verify(shown | {"text": None}), LIST)
    refused(verify(shown | {"text": 7}), LIST)
    refused(verify(shown | {"id": NOWHERE}), "of another document")
    refused(verify(shown | {"submitted_at": "2020-01-01T00:00:00.000Z"}), "another time")
    refused(verify(shown | {"files": shown["files"][:1]}), LIST)
    report.write_bytes(b"# Leaves!\n")
    refused(verify(shown, report), "my report.md, 11 bytes: ALTERED")
    (tmp_path / "c.txt").write_bytes(b"b\n")
    refused(verify(shown, tmp_path / "c.txt"), "No part of this name was handed in")
