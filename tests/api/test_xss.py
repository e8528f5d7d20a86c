"""No text of the corpus becomes markup that could run, or a link that leads anywhere but by http, https and mailto; a real browser tries the same in tests/browser."""

import json
import os
import re
from html.parser import HTMLParser

import pytest
from client import problem
from rooms import make_room, read, say

CORPUS = os.path.join(os.path.dirname(__file__), "..", "browser", "xss.json")
TAGS = {"p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h1", "h2", "h3", "h4", "h5", "h6"}
ATTRIBUTES = {"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}}
LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)

with open(CORPUS, encoding="utf-8") as f:
    TEXTS = json.load(f)


class Judge(HTMLParser):
    def __init__(self):
        super().__init__()
        self.faults = []

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            self.faults.append(tag)
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, set()) or (name == "href" and value and not LINK.match(value)):
                self.faults.append(f"{tag} {name}={value}")


def faults_of(html):
    judge = Judge()
    judge.feed(html)
    judge.close()
    return judge.faults


def harmless(html):
    assert faults_of(html) == [], html


def test_the_judge_sees_what_is_wrong():
    for bad in ("<script>x</script>", "<p onclick=x>", '<a href="javascript:x">', "<img src=x>", '<a href="/v1/auth/logout">'):
        assert faults_of(bad)
    harmless('<p><a href="https://a.example" title="x">y</a></p>')


@pytest.fixture(scope="module")
def talk(school):
    teacher, student = school.person("staff"), school.person()
    course = school.course(teacher)
    school.enrol(course, student)
    return student, make_room(teacher, course)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_text_of_the_corpus(talk, text):
    student, room = talk
    if any(c < "\t" for c in text):
        problem(student.post(f"/v1/rooms/{room['id']}/messages", json={"text": text}), 422)
        return
    message = say(student, room, text)
    harmless(message["html"])
    changed = student.patch(f"/v1/messages/{message['id']}", json={"text": text + "\n\nchanged"}).json()
    harmless(changed["html"])
    assert read(student, message)["html"] == changed["html"]
