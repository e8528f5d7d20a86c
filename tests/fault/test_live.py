"""Rooms under fire: whatever dies, every acknowledged message and change reaches each member once and in order, over every transport, and nobody else; what people are shown is what was
said, and unread counts match. ./dev fault runs more of these schedules (campaign.py)."""

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
