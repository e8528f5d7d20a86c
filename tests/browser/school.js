/* People of the school, as the browser tests make them: over the public API, from node. NODE_EXTRA_CA_CERTS names the instance's CA. */
import assert from "node:assert/strict";
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";

export const URL = process.env.EA_URL;
export const PASSWORD = "a-long-enough-password";
const PATIENCE_MS = 60_000;
let count = 0;
const unique = (what) => `${what}-${randomUUID().slice(-12)}-${count++}`;

/* Calls check until it returns something true, and returns that. */
export async function eventually(what, check) {
    for (const end = Date.now() + PATIENCE_MS; ; ) {
        const found = await check();
        if (found) return found;
        assert.ok(Date.now() < end, `did not happen within ${PATIENCE_MS} ms: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

export class Person {
    constructor(login) { Object.assign(this, login); }
    get session() { return { token: this.access_token, expires_in: this.expires_in }; }

    static async signIn(email, password) {
        const login = await new Person({}).call("POST", "/v1/auth/login", { email, password });
        return new Person({ ...login, email, password });
    }

    async send(method, path, body) {
        const headers = { ...(this.access_token && { Authorization: `Bearer ${this.access_token}` }), ...(body && { "Content-Type": "application/json" }) };
        return fetch(URL + path, { method, headers, body: body && JSON.stringify(body) });
    }
    async call(method, path, body) {
        const reply = await this.send(method, path, body);
        const text = await reply.text();
        assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${text}`);
        return text && JSON.parse(text);
    }
    /* As a client does whose server is being restarted: again, with the same client id, until it is answered. */
    async say(room, text) {
        const client_id = unique("message");
        return eventually("the message is taken", async () => {
            const reply = await this.send("POST", `/v1/rooms/${room.id}/messages`, { text, client_id }).catch(() => null);
            assert.ok(!reply || [200, 201, 502, 503].includes(reply.status), `${reply?.status}`);
            return reply?.ok ? reply.json() : reply?.text().then(() => null);
        });
    }
}

export async function person(role = "member") {
    const admin = await Person.signIn(...split(process.env.EA_ADMIN));
    const email = `${unique(role)}@school.example`;
    await admin.call("POST", "/v1/users", { email, name: unique(role), role, password: PASSWORD });
    return Person.signIn(email, PASSWORD);
}
const split = (login) => [login.slice(0, login.indexOf(":")), login.slice(login.indexOf(":") + 1)];

/* A course with its teacher, one student and a room. */
export async function course() {
    const teacher = await person("staff"), student = await person();
    const course = await teacher.call("POST", "/v1/courses", { title: "Plants and light", code: unique("BIO"), time_zone: "Europe/Berlin" });
    await teacher.call("POST", `/v1/courses/${course.id}/enrolments`, { user_id: student.user.id, role: "student" });
    const room = await teacher.call("POST", `/v1/courses/${course.id}/rooms`, { name: unique("room"), kind: "discussion" });
    return { teacher, student, course, room };
}

export async function assignment(teacher, course) {
    const checks = [{ kind: "word_count", min: 1, points: 10 }];
    const made = await teacher.call("POST", `/v1/courses/${course.id}/assignments`, { title: unique("report"), points: 10, accepts: ["text"], checks });
    return teacher.call("POST", `/v1/assignments/${made.id}/publish`);
}

export async function quiz(teacher, course) {
    const definition = { accept: [{ text: "chlorophyll" }] };
    const item = await teacher.call("POST", `/v1/courses/${course.id}/items`, { kind: "short_text", stem: "The green pigment?", points: 1, definition });
    const show = { score: "on_submit", key: "on_submit", feedback: "on_submit" };
    const made = await teacher.call("POST", `/v1/courses/${course.id}/quizzes`, { title: unique("quiz"), sections: [{ title: "All", items: [item.id] }], show });
    return teacher.call("POST", `/v1/quizzes/${made.id}/publish`);
}

/* Everything said in a room since the beginning, in order. */
export async function history(person, room) {
    const said = [];
    for (let after = 1, next = true; next; after = said.at(-1)?.event_id) {
        const page = await person.call("GET", `/v1/rooms/${room.id}/messages?after=${after}&limit=200`);
        said.push(...page.items);
        next = page.next;
    }
    return said;
}

/* The person's access token, signed anew by the instance's key to live for this long. */
export function shortLived(person, seconds) {
    const at = `${process.env.EA_STATE}/secret/token.key`;
    const read = (file) => readFileSync(file, "ascii").trim();
    const key = createPrivateKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", d: read(at), x: read(`${at}.pub`) } });
    const [head, body] = person.access_token.split(".");
    const claims = { ...JSON.parse(Buffer.from(body, "base64url")), exp: Math.floor(Date.now() / 1000) + seconds };
    const text = `${head}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
    return { token: `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`, expires_in: seconds };
}
