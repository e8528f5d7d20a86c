"""What the tests of assignments, submissions and grades share: work that is set, handed in, looked at and marked, and a receipt that holds."""

import base64
import concurrent.futures
import hashlib
import json
import os

import pytest
from client import Person, eventually
from jwcrypto import jwk, jws

REPORT = """# What plants do with light

Plants turn *light*, water and carbon dioxide into sugar: [photosynthesis](https://example.org/photosynthesis).
This report tells what ten bean plants did in a week, and why half of their leaves went hungry.

## 1. Method

We covered one leaf of each of ten plants for a week and weighed the starch in all of them. The pots stood at a
south window; each was given the same water each morning. Leaves were chosen by lot.

| plant | covered leaf (mg) | open leaf (mg) |
|-------|-------------------|----------------|
| 1     | 4                 | 41             |
| 2     | 5                 | 39             |

## 2. Result

Leaves in the dark held a tenth of the starch of the others. **Chlorophyll** was the same in both, so the dark leaves
could have worked: what they lacked was light.

<script>alert("not here")</script>

""" + "\n\n".join(
    f"### Day {day}\n\nOn day {day} the leaves were weighed again, and nothing that we saw spoke against the days before."
    for day in range(1, 60)
)

CHECKS = [
    {"kind": "word_count", "min": 100, "max": 5000, "points": 2},
    {"kind": "headings", "required": ["Method", "Result"], "points": 4},
    {"kind": "terms", "required": ["chlorophyll", "carbon dioxide"], "points": 2},
    {"kind": "links", "min": 1, "forbidden_hosts": ["cheats.example"], "points": 2},
]


def assign(teacher, course, publish=True, **fields):
    reply = teacher.post(f"/v1/courses/{course['id']}/assignments", json={"title": "A report", "points": 10} | fields)
    assert reply.status_code == 201, reply.text
    assignment = reply.json()
    if publish:
        reply = teacher.post(f"/v1/assignments/{assignment['id']}/publish")
        assert reply.status_code == 200, reply.text
        assignment = reply.json()
    return assignment


def part(name, content, filename=None, media_type=None):
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    head = f"Content-Disposition: {disposition}\r\n" + (f"Content-Type: {media_type}\r\n" if media_type else "")
    return head.encode() + b"\r\n" + (content if isinstance(content, bytes) else content.encode())


def multipart(*parts, mark="a8f3mark", closed=True):
    body = b"".join(b"--" + mark.encode() + b"\r\n" + p + b"\r\n" for p in parts)
    if closed:
        body += f"--{mark}--\r\n".encode()
    return {"content": body, "headers": {"Content-Type": f"multipart/form-data; boundary={mark}"}}


def post(person, assignment, request, key=None):
    if key:
        request = request | {"headers": request.get("headers", {}) | {"Idempotency-Key": key}}
    return person.post(f"/v1/assignments/{assignment['id']}/submissions", **request)


def all_at_once(person, assignment, requests, key=None):
    """Each from a connection of its own: as several tabs would, and nginx sees them truly at once."""

    def one(request):
        with Person() as tab:
            tab.headers["Authorization"] = person.headers["Authorization"]
            return post(tab, assignment, request, key)

    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(one, requests))


def hand_in(person, assignment, *parts, text=None):
    """A submission that must succeed, of parts or of a JSON text."""
    reply = post(person, assignment, multipart(*parts) if parts else {"json": {"text": text}})
    assert reply.status_code == 201, reply.text
    assert reply.headers["location"] == f"/v1/submissions/{reply.json()['id']}"
    return reply.json()


def read(person, submission):
    reply = person.get(f"/v1/submissions/{submission['id']}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def graded(person, submission):
    """The submission once the grader has looked."""
    return eventually(lambda: (s := read(person, submission)) and s["state"] == "graded" and s)


def looked_at(teacher, submission):
    """The submission once the grader has looked and left it to a person."""
    return eventually(lambda: (s := read(teacher, submission)) and s["explanation"] and s)


def grade(teacher, submission, **body):
    seen = {"If-Match": etag(teacher, submission)}
    return teacher.put(f"/v1/submissions/{submission['id']}/grade", json=body, headers=seen)


def etag(person, submission):
    return person.get(f"/v1/submissions/{submission['id']}").headers["etag"]


def pdf_of(size):
    return (b"%PDF-1.7\n" + os.urandom(4096) * (size // 4096 + 1))[:size]


def sha256(content):
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()


def check_receipt(person, submission, *parts):
    """The receipt holds what was sent, checked with nothing but the published keys. parts: (name, content)"""
    receipt = submission["receipt"]
    keys = person.get("/.well-known/jwks.json").json()["keys"]
    key = next(k for k in keys if k["kid"] == receipt["key_id"])
    token = jws.JWS()
    token.deserialize(receipt["jws"], jwk.JWK(**key))
    head, said = json.loads(token.objects["protected"]), json.loads(token.payload)
    assert head["alg"] == "EdDSA" and head["kid"] == receipt["key_id"]
    assert said["submission_id"] == submission["id"]
    assert said["assignment_id"] == submission["assignment_id"]
    assert said["user_id"] == person.id
    assert said["submitted_at"] == receipt["submitted_at"] == submission["submitted_at"]
    assert [(p["name"], p["size"], p["sha256"]) for p in said["parts"]] == [
        (name, len(content if isinstance(content, bytes) else content.encode()), sha256(content)) for name, content in parts
    ]
    # what `sha256sum` prints for the parts, hashed again
    assert said["sha256"] == receipt["sha256"] == sha256("".join(f"{sha256(c)}  {n}\n" for n, c in parts))
    forged = receipt["jws"].split(".")
    forged[1] = base64.urlsafe_b64encode(json.dumps(said | {"submitted_at": "2020-01-01T00:00:00.000Z"}).encode()).rstrip(b"=").decode()
    with pytest.raises(jws.InvalidJWSSignature):
        jws.JWS().deserialize(".".join(forged), jwk.JWK(**key))


def blobs():
    """Every stored file, whole or not."""
    return {os.path.join(d, f) for d, _, files in os.walk(os.environ["EA_BLOB_DIR"]) for f in files}


