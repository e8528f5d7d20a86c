/* Live news in a real browser: EventSource, cookies, CORS and TLS as they are, against the real stack. */
import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { dev, follow, openBrowser, ORIGIN, serveApp, Wire } from "./rig.js";
import { assignment, course, eventually, history, PASSWORD, Person, quiz, shortLived, URL } from "./school.js";

const timeout = 300_000;
let chrome, app, context;

before(async () => {
    chrome = await openBrowser();
    app = await serveApp();
}, { timeout });
after(async () => {
    app?.close();
    await chrome?.close();
});

/* test in a context of its own */
const inBrowser = (name, run) => test(name, { timeout }, async () => {
    context = await chrome.browser.newContext();
    context.setDefaultTimeout(60_000);
    try { await run(); } finally { await context.close(); }
});

/* The page has heard what the room holds, once and in order; each stream had a ticket of its own. */
async function heardAll(page, person, room) {
    const told = (await page.heard("message.created")).filter((e) => e.data.room_id === room.id);
    const said = await history(person, room);
    assert.deepEqual(told.map((e) => e.id), said.map((m) => m.event_id));
    assert.deepEqual(told.map((e) => e.data.id), said.map((m) => m.id));
    const ids = (await page.heard()).map((e) => e.id).filter((id) => id !== null);
    assert.ok(ids.every((id, i) => i === 0 || id > ids[i - 1]), `not in order: ${ids}`);
    const tickets = page.opened.map((url) => url.searchParams.get("ticket"));
    assert.equal(new Set(tickets).size, tickets.length, "a ticket was used twice");
}

/* The page hears that somebody is there. */
const isSeen = (page, person) => page.page.waitForFunction(
    (id) => window.heard.some((e) => e.kind === "presence" && e.id === null && e.data.items.some((seen) => seen.user_id === id)), person.user.id);

/* Says things until `over` returns, then a last word that the page hears. */
async function talkWhile(page, teacher, room, disturb) {
    let over = false;
    const talk = (async () => { for (let n = 0; !over && n < 150; n++) await teacher.say(room, `word ${n}`); })();
    try { await disturb(); } finally { over = true; await talk; }
    const last = await teacher.say(room, "the last word");
    await page.wait("message.created", "id", last.id);
}

describe("from another origin, with tickets", () => {
    inBrowser("grades arrive", async () => {
        const { teacher, student, course: c } = await course();
        const report = await assignment(teacher, c), exam = await quiz(teacher, c);
        const page = await follow(context, URL, student);
        const send = (method, path, body) => page.page.evaluate(async ([url, token, method, path, body]) => {
            const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
            const reply = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
            if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
            return reply.json();
        }, [URL, student.access_token, method, path, body]);

        const submission = await send("POST", `/v1/assignments/${report.id}/submissions`, { text: "Leaves take light in." });
        const attempt = await send("POST", `/v1/quizzes/${exam.id}/attempts`, null);
        await send("PUT", `/v1/attempts/${attempt.id}/answers/1`, { rev: 0, answer: { text: "chlorophyll" } });
        await send("POST", `/v1/attempts/${attempt.id}/submit`, null);
        await page.wait("submission.graded", "submission_id", submission.id);
        await page.wait("attempt.graded", "attempt_id", attempt.id);
        const [graded] = await page.heard("attempt.graded");
        assert.deepEqual(graded.data.score, { points: 1, of: 1 });
        await page.page.evaluate(() => window.events.stop());
        assert.deepEqual(await page.states(), ["connecting", "open", "closed"]);
    });

    inBrowser("a restart of chat loses nothing and doubles nothing", async () => {
        const { teacher, student, room } = await course();
        const page = await follow(context, URL, student);
        await talkWhile(page, teacher, room, async () => {
            await page.wait("message.created", "text", "word 3");
            dev("restart", "chat");
            await page.state("open");
        });
        assert.ok(page.opened.length > 1, "the restart was not felt");
        await heardAll(page, student, room);
    });

    inBrowser("nor does a cut wire", async () => {
        const { teacher, student, room } = await course();
        const wire = await new Wire().open();
        try {
            const page = await follow(context, wire.url, student);
            for (let n = 0; n < 2; n++)
                await talkWhile(page, teacher, room, async () => {
                    const before = (await page.heard()).length;
                    await eventually("something is heard", async () => (await page.heard()).length > before);
                    wire.cut();
                    await page.state("waiting");
                    await teacher.say(room, "while it is cut");
                    await wire.mend();
                    await page.state("open");
                });
            assert.ok(page.opened.length >= 3);
            await heardAll(page, student, room);
        } finally { wire.cut(); }
    });

    inBrowser("nor a wire that is dead without a word", async () => {
        const { teacher, student, room } = await course();
        const wire = await new Wire().open();
        try {
            const page = await follow(context, wire.url, student, { quietMs: 1000 });
            await page.wait("message.created", "id", (await teacher.say(room, "while it lives")).id);
            wire.die();
            const said = await teacher.say(room, "while it is dead");
            await page.wait("message.created", "id", said.id);
            await heardAll(page, student, room);
        } finally { wire.cut(); }
    });

    inBrowser("nor a server that cannot read the event log", async () => {
        const { teacher, student, room } = await course();
        const page = await follow(context, URL, student);
        await page.wait("message.created", "id", (await teacher.say(room, "while it can")).id);
        dev("stop", "postgres");
        try {
            const refusals = async () => (await page.states()).filter((state) => state === "waiting").length;
            await eventually("the stream is ended, and others are refused", async () => (await refusals()) >= 3);
        } finally { dev("start", "postgres"); }
        await page.state("open");
        const last = await teacher.say(room, "when it can again");
        await page.wait("message.created", "id", last.id);
        await heardAll(page, student, room);
    });

    inBrowser("nor a browser that is offline", async () => {
        const { teacher, student, room } = await course();
        const page = await follow(context, URL, student);
        await talkWhile(page, teacher, room, async () => {
            await context.setOffline(true);
            await page.state("waiting");
            await teacher.say(room, "while it is offline");
            await context.setOffline(false);
            await page.state("open");
        });
        await heardAll(page, student, room);
    });

    inBrowser("nor a token that runs out", async () => {
        const { teacher, student, room } = await course();
        const life = 4;
        let asked = 0;
        const refresh = () => { asked++; return shortLived(student, life); };
        const page = await follow(context, URL, student, { session: shortLived(student, life), refresh });
        await talkWhile(page, teacher, room, () => eventually("three streams have run out", () => page.opened.length > 3));
        assert.ok(asked >= 3);
        await heardAll(page, student, room);
    });

    inBrowser("nor a session that was closed, when the page signs in anew", async () => {
        const { teacher, student, room } = await course();
        let asked = 0;
        const refresh = async () => { asked++; return (await Person.signIn(student.email, PASSWORD)).session; };
        const page = await follow(context, URL, student, { refresh });
        await talkWhile(page, teacher, room, async () => {
            await student.call("POST", "/v1/auth/logout");
            await eventually("the page has asked for a token", () => asked > 0);
            await page.state("open");
        });
        await heardAll(page, await Person.signIn(student.email, PASSWORD), room);
    });

    inBrowser("that somebody is there is said once, and heard by the others", async () => {
        const { teacher, student } = await course();
        const page = await follow(context, URL, student), other = await follow(context, URL, teacher);
        const said = [];
        page.page.on("request", (request) => { if (request.method() === "POST" && request.url().endsWith("/v1/presence")) said.push(request); });
        await page.page.evaluate(() => { for (let n = 0; n < 20; n++) window.events.seen(); });
        await isSeen(other, student);
        assert.equal(said.length, 1);
    });

    inBrowser("who is signed out for good stays closed", async () => {
        const { student } = await course();
        const page = await follow(context, URL, student, { refresh: () => null });
        await student.call("POST", "/v1/auth/logout");
        await page.state("closed");
    });

    inBrowser("a cursor that the log does not know is reset, and news come after it", async () => {
        const { teacher, student, room } = await course();
        const page = await follow(context, URL, student, { after: 9e15 });
        const [cursor] = await eventually("a reset", async () => { const r = await page.resets(); return r.length && r; });
        const said = await teacher.say(room, "after the reset");
        assert.ok(said.event_id > cursor);
        await page.wait("message.created", "id", said.id);
        assert.equal((await page.resets()).length, 1);
    });

    inBrowser("an origin that is not in the list gets no ticket", async () => {
        const { student } = await course();
        const page = await context.newPage();
        await page.goto(ORIGIN.replace("127.0.0.1", "localhost"));
        const ask = ([url, token]) => fetch(`${url}/v1/events/ticket`, { method: "POST", headers: { Authorization: `Bearer ${token}` } }).then((r) => r.status, (e) => e.name);
        assert.equal(await page.evaluate(ask, [URL, student.access_token]), "TypeError");
    });
});

/* signs in with cookies, in the page; returns the token that goes with them */
const signIn = (page, url, person) => page.evaluate(async ([url, email, password]) => {
    const body = JSON.stringify({ email, password, cookie: true });
    const reply = await fetch(`${url}/v1/auth/login`, { method: "POST", headers: { "Content-Type": "application/json" }, credentials: "include", body });
    return (await reply.json()).csrf_token;
}, [url, person.email, PASSWORD]);

describe("with the session's cookie", () => {
    inBrowser("a plain EventSource of the same origin hears, and comes back by itself", async () => {
        const { teacher, student, room } = await course();
        const page = await context.newPage();
        await context.route(`${URL}/`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>page</title>" }));
        await page.goto(`${URL}/`);
        assert.ok(await signIn(page, "", student));
        assert.ok((await context.cookies()).some((c) => c.name === "__Host-ea_session" && c.httpOnly && c.secure && c.path === "/"));
        await page.evaluate(() => new Promise((resolve) => {
            window.heard = []; window.opened = 0;
            window.source = new EventSource("/v1/events");
            window.source.onopen = () => { window.opened++; resolve(); };
            window.source.addEventListener("message.created", (e) => window.heard.push(Number(e.lastEventId)));
        }));
        const said = [await teacher.say(room, "before")];
        await page.waitForFunction((id) => window.heard.includes(id), said[0].event_id);
        // one after the other: a plain EventSource gives up where nobody answers
        dev("up", "--chat", "2");
        try { dev("restart", "chat"); } finally { dev("up", "--chat", "1"); }
        said.push(await teacher.say(room, "after"));
        await page.waitForFunction((id) => window.heard.includes(id), said[1].event_id);
        assert.deepEqual(await page.evaluate(() => window.heard), said.map((m) => m.event_id));
        assert.ok(await page.evaluate(() => window.opened) > 1);
    });

    inBrowser("the kept client follows from another origin of the same site", async () => {
        const { teacher, student, room } = await course();
        const first = await context.newPage();
        await first.goto(ORIGIN);
        const csrf = await signIn(first, URL, student);
        const page = await follow(context, URL, student, { session: null, csrf });
        await talkWhile(page, teacher, room, async () => {
            dev("restart", "chat");
            await page.state("open");
        });
        const told = (await page.heard("message.created")).filter((e) => e.data.room_id === room.id);
        assert.deepEqual(told.map((e) => e.id), (await history(student, room)).map((m) => m.event_id));
        assert.ok(page.opened.every((url) => !url.searchParams.has("ticket")));
        const other = await follow(context, URL, teacher);
        await page.page.evaluate(() => window.events.seen());
        await isSeen(other, student);
    });
});
