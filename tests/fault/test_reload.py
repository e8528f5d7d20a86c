"""nginx takes a new configuration, and its old workers say GOAWAY: what the tests' own client (tests/api/transport.py) makes of it."""

import socket
import subprocess

import httpx
import pytest
import stack
from client import unique
from stack import until

CLOSE_WAIT = 8  # of tcp_info: the other side has ended its half


class Wire:
    """Remembers the connections that a client makes."""

    def __init__(self):
        self.sockets = []

    def __call__(self, moment, said):
        if moment == "connection.start_tls.complete":
            self.sockets.append(said["return_value"].get_extra_info("socket"))

    def was_ended_by_the_server(self):
        return self.sockets[-1].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == CLOSE_WAIT


def reload_nginx():
    subprocess.run(["sv", "hup", str(stack.SERVICES / "nginx")], capture_output=True, check=True)


@pytest.mark.parametrize("times", [1, 3])
def test_a_client_goes_on_after_nginx_has_taken_its_configuration_anew(teacher, times):
    wire = Wire()
    person = teacher.tab()
    said = {"extensions": {"trace": wire}}
    assert person.get("/v1/me", **said).status_code == 200
    for turn in range(1, times + 1):
        reload_nginx()
        until("nginx has ended the connection", wire.was_ended_by_the_server)
        code = unique("BIO")
        created = person.post("/v1/courses", json={"title": "Plants", "code": code, "time_zone": "Europe/Berlin"}, **said)
        assert created.status_code == 201, created.text
        assert stack.value("SELECT count(*) FROM courses WHERE code = %s", code) == 1
        assert person.get("/v1/me", **said).status_code == 200
        assert len(wire.sockets) == turn + 1
    person.close()


def test_a_request_that_may_have_been_processed_is_not_sent_again(teacher):
    wire, said = Wire(), []
    person = teacher.tab()
    cursor = person.get("/v1/events/poll", params={"wait": 0}, extensions={"trace": wire}).json()["cursor"]
    until("nobody else waits", lambda: stack.metric("chat-1", "ea_hub_polls") == 0)

    def hear(moment, about):
        said.append(moment)
        if moment == "http2.receive_response_headers.started":
            until("the poll waits", lambda: stack.metric("chat-1", "ea_hub_polls") == 1)
            reload_nginx()
        wire(moment, about)

    with pytest.raises(httpx.RemoteProtocolError):
        person.get("/v1/events/poll", params={"wait": 25, "after": cursor}, extensions={"trace": hear})
    assert said.count("http2.send_request_headers.started") == 1
    assert person.get("/v1/me", extensions={"trace": wire}).status_code == 200
    assert len(wire.sockets) == 2
    person.close()
