/* What people write cannot run in others' browsers: each text of xss.json, rendered by the backend, is put into a real page and pressed on. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { openBrowser, ORIGIN, serveApp } from "./rig.js";
import { course } from "./school.js";

const CORPUS = JSON.parse(readFileSync(new URL("xss.json", import.meta.url), "utf8"));
const LINKS = ["http:", "https:", "mailto:"];

test("no text of the corpus does anything in a page", { timeout: 180_000 }, async (t) => {
    const { student, room } = await course();
    const chrome = await openBrowser(), app = await serveApp();
    t.after(async () => { app.close(); await chrome.close(); });
    const context = await chrome.browser.newContext();
    const page = await context.newPage(), seen = [];
    page.on("dialog", (dialog) => { seen.push(`dialog ${dialog.message()}`); dialog.dismiss(); });
    await page.goto(ORIGIN);
    context.on("page", (other) => seen.push(`window ${other.url()}`));
    page.on("request", (request) => seen.push(`request ${request.url()}`));
    page.on("framenavigated", (frame) => seen.push(`navigation ${frame.url()}`));

    /* the two ways to put html into a page; every handler that markup could have brought gets its event; returns where links lead */
    const put = (html) => page.evaluate(async (html) => {
        const box = document.createElement("div");
        document.body.replaceChildren(box);
        box.innerHTML = html;
        const range = document.createRange();
        box.append(range.createContextualFragment(html)); // unlike innerHTML, this runs scripts
        for (const element of box.querySelectorAll("*"))
            for (const kind of ["mouseover", "focus", "error", "load", "toggle", "begin"]) element.dispatchEvent(new Event(kind));
        await new Promise((resolve) => setTimeout(resolve)); // tasks that the markup has queued come first
        return [...box.querySelectorAll("[href], [src], [action], [data]")].map((e) => [e.tagName, e.getAttribute("href") ?? e.getAttribute("src") ?? e.getAttribute("action") ?? e.getAttribute("data")]);
    }, html);

    for (const text of CORPUS) {
        const reply = await student.send("POST", `/v1/rooms/${room.id}/messages`, { text });
        const { html } = await reply.json();
        // a control character is no text, and only that is refused
        assert.equal(reply.status, /[\u0000-\u0008]/.test(text) ? 422 : 201, text);
        if (reply.status === 422) continue;
        seen.length = 0;
        const links = await put(html);
        assert.deepEqual(seen, [], `${JSON.stringify(text)} became ${html}`);
        assert.equal(await page.evaluate(() => window.pwned), undefined, text);
        for (const [tag, to] of links) {
            assert.equal(tag, "A", `${JSON.stringify(text)} became ${html}`);
            const scheme = /^([a-z][a-z0-9+.-]*:)/i.exec(to)?.[1].toLowerCase();
            assert.ok(to === "" || LINKS.includes(scheme), `${JSON.stringify(text)} became ${html}`);
        }
    }

    // the watch sees what it is there to see
    seen.length = 0;
    await put('<img src="/x" onerror="window.pwned = 1">');
    await page.waitForFunction(() => window.pwned === 1);
    assert.ok(seen.length > 0);
});
