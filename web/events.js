/* The client of GET /v1/events for web frontends: an EventSource that is kept. No dependencies; an ES module for browsers.
 *
 *     const events = new Events({
 *         url: "https://api.school.example",         // "" when the page is of the same origin
 *         session: { token, expires_in },             // what login said; without it, the session's cookie is used
 *         refresh: async () => ({ token, expires_in }), // what /v1/auth/refresh says; null: signed out. May throw: asked again later
 *         after: reply.headers.get("Event-Cursor"),   // of the first reply that the page shows; without it, from now on
 *         onEvent(kind, data, id) {},                 // every event once and in the order of the log; id is null for what is not stored
 *         onReset(cursor) {},                         // the log does not reach back to what was told last: fetch what the page shows anew
 *         onState(state) {},                          // "connecting", "open", "waiting", "closed"
 *         csrf: csrf_token,                           // with the session's cookie: what login said; seen() needs it
 *     });
 *     events.start(); … events.stop();
 *     events.seen(); // whenever the person does something: clicks, types, sends
 *
 * A ticket opens one stream, and EventSource would repeat its address: a stream that ends is closed here, and a new one is opened with a fresh ticket and
 * `?after=`. A stream by cookie is opened anew in the same way. EventSource hides heartbeats, so a dead connection looks like a quiet one: after a quiet
 * minute the client looks with one plain poll, which also moves its cursor on. refresh is asked for one token at a time; pages that need the token too
 * should share that call.
 *
 * When a process cannot read the event log, it ends its streams and answers 503 until it can. EventSource takes 503 for the end and gives up; this client comes
 * back, later each time, and the page sees "waiting" until it hears again.
 *
 * seen() tells the school that the person is there, every half minute at most; others get `presence`. Nothing else does: a page that never calls it shows nobody its person. It should not
 * be called, nor typing be told, while an anonymous question is written. */

export const KINDS = [
    "message.created", "message.updated", "message.deleted", "reaction.changed", "typing", "presence", "read",
    "submission.graded", "attempt.graded", "attempt.changed", "notification",
];
const TRANSIENT = new Set(["typing", "presence"]); // not stored: they have no id of their own
const BASE_MS = 500, CAP_MS = 30_000, QUIET_MS = 60_000, ANSWER_MS = 15_000, SEEN_MS = 30_000;

/* How long to wait before attempt n (0, 1, …): exponential back-off with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). */
export const backoff = (n, random = Math.random) => random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(n, 30));

/* A question that is answered by true once in that time, and up to a quarter longer, so that those who began together do not stay together. */
export const seldom = (ms, random = Math.random) => {
    let next = -Infinity;
    return (now) => {
        if (now < next) return false;
        next = now + ms * (1 + random() / 4);
        return true;
    };
};

/* The states, and what moves from one to the next; everything else changes nothing. */
const MOVES = {
    closed: { start: "connecting" },
    connecting: { opened: "open", lost: "waiting", stop: "closed" },
    open: { lost: "waiting", stop: "closed" },
    waiting: { due: "connecting", stop: "closed" },
};
export const move = (state, what) => MOVES[state][what] ?? state;

/* Where the client stands in the log. Ids grow, so one number tells what was delivered. */
export class Cursor {
    constructor(id = null) { this.id = id === null ? null : Number(id); }
    /* True: not delivered before. What is not stored bears the id that its stream stood at, up to which everything was told. */
    take(kind, id) { return this.advance(id) || TRANSIENT.has(kind); }
    advance(id) {
        const further = this.id === null || id > this.id;
        if (further) this.id = id;
        return further;
    }
    reset(id) { this.id = id; } // backwards too
}

class SignedOut extends Error {}

export class Events {
    #o; #state = "closed"; #cursor; #session; #refreshing = null;
    #source = null; #attempts = 0; #retryMs = 0; #refused = false; #timers = {}; #saysSo = seldom(SEEN_MS);
    #run = 0; // a run is one try to connect and its stream; what older ones still say is not heard

    constructor(options) {
        this.#o = { url: "", kinds: KINDS, quietMs: QUIET_MS, onEvent() {}, onReset() {}, onState() {}, ...options };
        this.#cursor = new Cursor(options.after ?? null);
        this.#session = options.session ?? null;
    }
    get state() { return this.#state; }
    get cursor() { return this.#cursor.id; }
    start() {
        if (this.#state !== "closed") return;
        addEventListener("online", this.#online);
        addEventListener("offline", this.#offline);
        this.#plan();
        this.#go("start");
    }
    stop() {
        removeEventListener("online", this.#online);
        removeEventListener("offline", this.#offline);
        this.#drop();
        for (const name in this.#timers) clearTimeout(this.#timers[name]);
        this.#move("stop");
    }

    seen() {
        if (this.#state !== "closed" && this.#saysSo(performance.now())) this.#call("POST", "/v1/presence").catch(() => {}); // the next time, then
    }

    #move(what) {
        const next = move(this.#state, what);
        if (next !== this.#state) this.#o.onState(this.#state = next);
    }
    #go(what) {
        this.#move(what);
        this.#connect();
    }
    #after(name, ms, then) {
        clearTimeout(this.#timers[name]);
        this.#timers[name] = setTimeout(then, ms);
    }
    #drop() {
        this.#run++;
        this.#source?.close();
        this.#source = null;
        clearTimeout(this.#timers.quiet);
    }

    /* connecting */
    async #connect() {
        const run = ++this.#run;
        try {
            // EventSource does not tell why it was refused; a poll is told
            const told = this.#refused || this.#cursor.id === null ? await this.#poll() : null;
            if (this.#cursor.id === null) this.#cursor.reset(told.cursor);
            const ticket = this.#session ? await this.#call("POST", "/v1/events/ticket") : null;
            if (run === this.#run) this.#open(run, ticket);
        } catch (fault) {
            if (run === this.#run) this.#lost(fault);
        }
    }
    #open(run, ticket) {
        const query = new URLSearchParams({ after: this.#cursor.id, ...(ticket && { ticket: ticket.ticket }) });
        const source = this.#source = new EventSource(`${this.#o.url}/v1/events?${query}`, { withCredentials: !ticket });
        const mine = (then) => (e) => { if (run === this.#run) then(e); };
        this.#retryMs = ticket?.retry_ms ?? 0;
        source.onopen = mine(() => this.#opened());
        // before the browser repeats the address: a ticket that was used is worth nothing
        source.onerror = mine(() => this.#lost(null, source.readyState === EventSource.CLOSED));
        for (const kind of this.#o.kinds)
            source.addEventListener(kind, mine((e) => this.#deliver(kind, JSON.parse(e.data), Number(e.lastEventId))));
        source.addEventListener("reset", mine((e) => this.#reset(JSON.parse(e.data).cursor)));
    }
    #opened() {
        this.#attempts = 0;
        this.#move("opened");
        this.#heard();
    }
    #lost(fault, refused = false) {
        const opened = this.#state === "open";
        this.#drop();
        this.#refused = refused;
        if (fault instanceof SignedOut) return this.stop();
        // all clients are told the same Retry-After, within seconds: what is drawn comes on top of it
        const wait = opened ? this.#retryMs || backoff(0) : (fault?.retryMs ?? 0) + backoff(this.#attempts++);
        this.#move("lost");
        this.#after("due", wait, () => this.#due());
    }
    #due() {
        if (this.#state !== "waiting") return;
        clearTimeout(this.#timers.due);
        this.#go("due");
    }
    #online = () => this.#due();
    #offline = () => { if (this.#state === "open" || this.#state === "connecting") this.#lost(null); };

    /* what is heard */
    #deliver(kind, data, id) {
        this.#heard();
        const fresh = this.#cursor.take(kind, id);
        if (fresh) this.#o.onEvent(kind, data, TRANSIENT.has(kind) ? null : id);
        return fresh;
    }
    #reset(cursor) {
        this.#cursor.reset(cursor);
        this.#o.onReset(cursor);
        return true;
    }
    #heard() { this.#after("quiet", this.#o.quietMs * (1 + Math.random() / 4), () => this.#look()); }
    async #look() {
        const run = this.#run;
        try {
            const { events, cursor } = await this.#poll();
            if (run !== this.#run) return;
            const take = (e) => e.kind === "reset" ? this.#reset(e.data.cursor) : this.#deliver(e.kind, e.data, e.id);
            const missed = events.filter(take); // the stream should have told
            this.#cursor.advance(cursor);
            if (missed.length > 0) this.#lost(null);
            else this.#heard();
        } catch (fault) {
            if (run === this.#run) this.#lost(fault);
        }
    }
    #poll() { return this.#call("GET", "/v1/events/poll" + (this.#cursor.id === null ? "" : `?after=${this.#cursor.id}`)); }

    /* the session */
    async #call(method, path, again = true) {
        const reply = await fetch(this.#o.url + path, {
            method, cache: "no-store", credentials: this.#session ? "omit" : "include", signal: AbortSignal.timeout(ANSWER_MS),
            headers: this.#session ? { Authorization: `Bearer ${this.#session.token}` } : method !== "GET" && this.#o.csrf ? { "X-CSRF-Token": this.#o.csrf } : {},
        });
        if (reply.ok) return reply.status === 204 ? null : reply.json();
        if (reply.status !== 401 || !again)
            throw Object.assign(new Error(`${path}: ${reply.status}`), { retryMs: 1000 * (Number(reply.headers.get("Retry-After")) || 0) });
        await this.#renew();
        return this.#call(method, path, false);
    }
    /* A new token a minute before the old one runs out, or at four fifths of a short life. */
    #plan() {
        const life = this.#session?.expires_in;
        if (life) this.#after("renew", 1000 * Math.max(life - 60, life * 0.8), () => this.#renew().catch(() => {}));
    }
    #renew() { return this.#refreshing ??= this.#refresh().finally(() => { this.#refreshing = null; }); }
    async #refresh() {
        const session = this.#o.refresh ? await this.#o.refresh() : null;
        if (!session) throw new SignedOut("signed out");
        if (this.#session) this.#session = session;
        this.#o.csrf = session.csrf_token ?? this.#o.csrf;
        if (this.#state !== "closed") this.#plan();
    }
}
