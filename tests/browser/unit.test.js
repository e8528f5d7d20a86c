/* The parts of web/events.js that need no browser. */
import assert from "node:assert/strict";
import test from "node:test";
import { backoff, Cursor, move, seldom } from "../../web/events.js";

test("back-off doubles up to a cap, and its jitter is full", () => {
    const most = (n) => backoff(n, () => 1);
    assert.deepEqual([0, 1, 2, 3].map(most), [500, 1000, 2000, 4000]);
    assert.equal(most(10), 30_000);
    assert.equal(most(100_000), 30_000);
    assert.equal(backoff(5, () => 0), 0);
    assert.equal(backoff(2, () => 0.25), 500);
});

test("seldom is once in a while, and not for all at the same moment", () => {
    const often = seldom(30_000, () => 0), late = seldom(30_000, () => 1);
    const at = [0, 1, 29_999, 30_000, 37_499, 37_500, 60_000];
    assert.deepEqual(at.filter(often), [0, 30_000, 60_000]);
    assert.deepEqual(at.filter(late), [0, 37_500]);
});

test("every id is taken once, and none that is older", () => {
    const cursor = new Cursor(10);
    const taken = [9, 10, 11, 11, 13, 12, 14].filter((id) => cursor.take("message.created", id));
    assert.deepEqual(taken, [11, 13, 14]);
    assert.equal(cursor.id, 14);
});

test("what is not stored is always taken, and shows where its stream stands", () => {
    const cursor = new Cursor(10);
    assert.ok(cursor.take("typing", 10) && cursor.take("typing", 10));
    assert.ok(cursor.take("typing", 12));
    assert.equal(cursor.take("message.created", 12), false);
});

test("a cursor may be a string, may be missing, and goes back only by a reset", () => {
    assert.equal(new Cursor("7").id, 7);
    const cursor = new Cursor();
    assert.equal(cursor.id, null);
    assert.ok(cursor.take("message.created", 5));
    cursor.advance(3);
    assert.equal(cursor.id, 5);
    cursor.reset(3);
    assert.equal(cursor.id, 3);
});

test("states: every move that there is, and none that is not", () => {
    const table = {
        closed: { start: "connecting" },
        connecting: { opened: "open", lost: "waiting", stop: "closed" },
        open: { lost: "waiting", stop: "closed" },
        waiting: { due: "connecting", stop: "closed" },
    };
    for (const state of Object.keys(table))
        for (const what of ["start", "opened", "lost", "due", "stop"]) assert.equal(move(state, what), table[state][what] ?? state, `${state} ${what}`);
});
