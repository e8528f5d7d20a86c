/* The browser tests' surroundings: Debian's Chromium, which trusts the instance's CA; a web page of another origin, served by the test; and a wire to nginx that can be cut. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const { chromium } = createRequire(join(ROOT, "build/browser/package.json"))("playwright-core");
const PAGE = '<!doctype html><meta charset="utf-8"><title>page</title><script type="module">import { Events } from "/events.js"; window.Events = Events;</script>';
const CLIENT = readFileSync(join(ROOT, "web/events.js"), "utf8");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const dev = (...args) => execFileSync(join(ROOT, "dev"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/* A browser with a home of its own, whose certificate store holds the instance's CA and nothing else. */
export async function openBrowser() {
    const home = mkdtempSync(join(tmpdir(), "ea-browser-"));
    const store = join(home, ".pki/nssdb");
    mkdirSync(store, { recursive: true });
    execFileSync("certutil", ["-d", `sql:${store}`, "-N", "--empty-password"]);
    execFileSync("certutil", ["-d", `sql:${store}`, "-A", "-t", "C,,", "-n", "instance", "-i", process.env.EA_CA]);
    const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS, env: { ...process.env, HOME: home } });
    return { browser, async close() { await browser.close(); rmSync(home, { recursive: true, force: true }); } };
}

/* The first allowed origin on 127.0.0.1: the instance must have been started with one (EA_CORS_ORIGINS). */
export const ORIGIN = (process.env.EA_CORS_ORIGINS ?? "").split(" ").find((origin) => origin.startsWith("https://127.0.0.1:"));

/* Serves the page there, with the instance's own certificate. */
export async function serveApp() {
    assert.ok(ORIGIN, "EA_CORS_ORIGINS must name an origin https://127.0.0.1:<port>, when the instance is started and here");
    const tls = join(process.env.EA_STATE, "tls");
    const server = createServer({ key: readFileSync(join(tls, "server.key")), cert: readFileSync(join(tls, "server.pem")) }, (request, reply) => {
        const script = request.url === "/events.js";
        reply.writeHead(script || request.url === "/" ? 200 : 404, { "Content-Type": script ? "text/javascript" : "text/html" });
        reply.end(script ? CLIENT : request.url === "/" ? PAGE : "");
    });
    await new Promise((resolve, reject) => server.once("error", reject).listen(Number(new globalThis.URL(ORIGIN).port), "127.0.0.1", resolve));
    return { close: () => { server.closeAllConnections(); server.close(); } };
}

/* A wire to nginx: TCP passed on as it is. Cut, it drops every connection and refuses new ones; a dead one says nothing any more, and nobody is told. */
export class Wire {
    #pairs = new Set();
    async open(port = 0) {
        const to = Number(new globalThis.URL(process.env.EA_URL).port);
        this.server = net.createServer((here) => {
            const there = net.connect(to, "127.0.0.1"), pair = [here, there];
            this.#pairs.add(pair);
            const end = () => { here.destroy(); there.destroy(); this.#pairs.delete(pair); };
            for (const socket of pair) socket.on("error", end).on("close", end);
            here.pipe(there).pipe(here);
        });
        await new Promise((resolve, reject) => this.server.once("error", reject).listen(port, "127.0.0.1", resolve));
        this.port = this.server.address().port;
        return this;
    }
    get url() { return `https://127.0.0.1:${this.port}`; }
    cut() {
        this.server.close();
        for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    }
    die() {
        for (const pair of this.#pairs) for (const socket of pair) socket.unpipe().pause();
    }
    mend() { return this.open(this.port); }
}

/* A page that follows the events as a frontend does; what it hears is in window.heard, what refresh answers comes from the test. */
export async function follow(context, url, person, { session = person.session, refresh = () => person.session, after, quietMs, csrf } = {}) {
    const page = await context.newPage();
    const opened = []; // addresses of the streams
    page.on("request", (request) => { if (/\/v1\/events\?/.test(request.url())) opened.push(new globalThis.URL(request.url())); });
    await page.exposeFunction("refresh", refresh);
    await page.goto(ORIGIN);
    await page.waitForFunction(() => window.Events);
    await page.evaluate(([url, session, more]) => {
        window.heard = []; window.states = []; window.resets = [];
        window.events = new window.Events({
            url, session, ...more, refresh: window.refresh,
            onEvent: (kind, data, id) => window.heard.push({ kind, data, id }),
            onReset: (cursor) => window.resets.push(cursor),
            onState: (state) => window.states.push(state),
        });
        window.events.start();
    }, [url, session, { ...(after && { after }), ...(quietMs && { quietMs }), ...(csrf && { csrf }) }]);
    const self = {
        page, opened,
        heard: (kind) => page.evaluate((kind) => window.heard.filter((e) => !kind || e.kind === kind), kind),
        resets: () => page.evaluate(() => window.resets),
        states: () => page.evaluate(() => window.states),
        state: (want) => page.waitForFunction((want) => window.events.state === want, want),
        wait: (kind, member, value) => page.waitForFunction(([kind, member, value]) => window.heard.find((e) => e.kind === kind && e.data[member] === value), [kind, member, value]),
    };
    await self.state("open");
    return self;
}
