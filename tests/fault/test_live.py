"""Rooms under fire: whatever dies, every acknowledged message and change reaches each member once and in order, over every transport, and nobody else; what people are shown is what was
said, since they came where a room shows no more, and unread counts match; who is called by name hears of it, nobody learns who asked without one, and who is muted says nothing. ./dev fault runs more of these schedules (campaign.py)."""

import pytest
from live import Crowd, Live

SCHEDULES = 20


@pytest.fixture(scope="module")
def crowd(school):
    crowd = Crowd(school)
    yield crowd
    crowd.leave()


@pytest.mark.parametrize("seed", range(1, SCHEDULES + 1))
def test_everybody_hears_what_was_said_while_they_were_there(crowd, seed):
    live = Live(crowd, seed)
    try:
        live.run()
        live.check()
    finally:
        print(f"again: ./dev fault 1 {seed}; what broke when: {live.broken}")
