// The same autosave in Fastify and node-pg: one process per core, tokens remembered once verified, one prepared statement, a schema for body and reply.
//   node main.js SOCKET KEYFILE.pub SAVE.SQL POOL       (EA_PG in the environment)
import cluster from 'node:cluster';
import { createPublicKey } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createVerifier } from 'fast-jwt';
import Fastify from 'fastify';
import pg from 'pg';

const [socket, keyFile, sqlFile, pool] = process.argv.slice(2);
const processes = availableParallelism();

if (cluster.isPrimary) {
    for (let i = 0; i < processes; i++) cluster.fork();
    process.on('SIGTERM', () => process.exit());
} else {
    const x = readFileSync(keyFile, 'utf8').trim();
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const verify = createVerifier({ key, algorithms: ['EdDSA'], cache: 20000 });
    const dsn = Object.fromEntries(process.env.EA_PG.split(' ').map((word) => word.split('=')));
    const db = new pg.Pool({ host: dsn.host, port: Number(dsn.port), user: dsn.user, database: dsn.dbname, max: Math.ceil(Number(pool) / processes) });
    const text = readFileSync(sqlFile, 'utf8');
    const app = Fastify();
    const schema = {
        params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' }, slot: { type: 'integer', minimum: 1 } } },
        body: { type: 'object', required: ['rev', 'answer'], properties: { rev: { type: 'integer', minimum: 0 }, answer: { type: 'object', nullable: true } } },
        response: { 200: { type: 'object', properties: { slot: { type: 'integer' }, rev: { type: 'integer' }, saved_at: { type: 'string' } } } },
    };
    app.put('/v1/attempts/:id/answers/:slot', { schema }, async (request, reply) => {
        let caller;
        try {
            caller = verify((request.headers.authorization ?? '').replace(/^Bearer /, ''));
        } catch {
            return reply.code(401).send({ title: 'Sign in' });
        }
        const { rev, answer } = request.body;
        const { rows } = await db.query({ name: 'save', text, values: [request.params.id, caller.sub, request.params.slot, rev, JSON.stringify(answer)] });
        if (rows.length === 0) return reply.code(409).send({ title: 'Stale, over, or not yours' });
        return { slot: request.params.slot, rev: rows[0].rev, saved_at: rows[0].saved_at.toISOString() };
    });
    await app.listen({ path: socket });
    chmodSync(socket, 0o666);
}
