/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

'use strict';

/* npm's ws; what is spoken on the pipes stands in lines.py. */

const WebSocket = require('ws');
const conns = new Map();

function say(id, ev, data) {
    process.stdout.write(JSON.stringify({ id, ev, data }) + '\n');
}

const ops = {
    open(id, url) {
        /* The compression is offered, and must be declined. */
        const ws = new WebSocket(url, { perMessageDeflate: true });

        conns.set(id, ws);
        ws.on('open', () => say(id, ws.extensions ? 'failed' : 'open',
            ws.extensions));
        ws.on('message', (data) => say(id, 'text', data.toString()));
        ws.on('ping', () => say(id, 'ping'));
        ws.on('pong', (data) => say(id, 'pong', data.toString()));
        ws.on('close', (code) => say(id, 'close', code));
        ws.on('error', (err) => say(id, 'failed', String(err)));
    },
    text(id, data) { conns.get(id).send(data); },
    binary(id, data) { conns.get(id).send(Buffer.from(data, 'hex')); },
    ping(id, data) { conns.get(id).ping(data); },
    broken(id, data) {
        conns.get(id).send(Buffer.from(data, 'hex'), { binary: false });
    },
    close(id, code) { conns.get(id).close(code); },
};

require('readline').createInterface({ input: process.stdin })
    .on('line', (line) => {
        const m = JSON.parse(line);

        try {
            ops[m.op](m.id, m.data);
        } catch (err) {
            say(m.id, 'failed', String(err));
        }
    })
    .on('close', () => process.exit(0));
