// ports.c asked of Node.js's MessagePort between worker_threads.
//
// What travels is a number, eight bytes; `many` has a channel for each of four
// producers, as a port has one other side. Awake is who polls with
// receiveMessageOnPort, asleep who waits for the event in its loop. A tenth of
// the messages of ports.c: a rate and a median are compared.
import { LOAD, median, now, report } from './node_lab.mjs';
import { MessageChannel, Worker, isMainThread, receiveMessageOnPort,
         workerData } from 'node:worker_threads';

const LARGE = 1 << 20;
const TOGETHER = 16;

const once = (port) => new Promise((told) => port.once('message', told));

function poll(port) {
    for (;;) {
        const found = receiveMessageOnPort(port);
        if (found)
            return found.message;
    }
}

const movedWith = (message) => message instanceof ArrayBuffer ? [message] : [];

// ---- in the workers

const roles = {
    produce({ port, count, gate }) {
        Atomics.wait(gate, 0, 0);
        for (let word = 1; word <= count; word++)
            port.postMessage(word);
        port.on('message', () => port.close()); // goes when all has arrived
    },
    echoAwake({ port }) {
        for (let it = poll(port); it !== 'last'; it = poll(port))
            port.postMessage(it, movedWith(it));
        port.close();
    },
    echoAsleep({ port }) {
        port.on('message',
            (it) => it === 'last' ? port.close() : port.postMessage(it));
    },
};

// ---- in the main thread

function start(role, data) {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL(import.meta.url), {
        workerData: { role, port: port2, ...data }, transferList: [port2] });
    const ended = new Promise((told) => worker.once('exit', told));
    const online = new Promise((told) => worker.once('online', told));
    return { port: port1, ended, online };
}

async function flow(producers) {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const count = LOAD / producers;
    const all = [];
    for (let i = 0; i < producers; i++)
        all.push(start('produce', { count, gate }));
    await Promise.all(all.map((one) => one.online));

    let taken = 0;
    const over = new Promise((told) => {
        for (const { port } of all)
            port.on('message', () => ++taken === LOAD && told());
    });
    const begin = now();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await over;
    const ns = now() - begin;
    for (const { port } of all)
        port.postMessage('last');
    await Promise.all(all.map((one) => one.ended));
    return { Mmsg_s: 1e3 * LOAD / ns };
}

async function awake(message) {
    const { port, ended, online } = start('echoAwake', {});
    const times = [];
    await online;
    for (let i = -10; i < LOAD / 200; i++) {
        const begin = now();
        for (let j = 0; j < TOGETHER; j++) {
            port.postMessage(message, movedWith(message));
            message = poll(port);
        }
        if (i >= 0)
            times.push(now() - begin);
    }
    port.postMessage('last');
    await ended;
    return median(times, 1e3 * TOGETHER);
}

async function asleep() {
    const { port, ended, online } = start('echoAsleep', {});
    const times = [];
    await online;
    for (let i = -30; i < Math.min(300, LOAD / 10); i++) {
        await new Promise((told) => setTimeout(told, 1));
        const begin = now();
        port.postMessage(1);
        await once(port);
        if (i >= 0)
            times.push(now() - begin);
    }
    port.postMessage('last');
    await ended;
    return median(times, 1e3);
}

async function main() {
    report('ports', {
        one_way: await flow(1),
        many: await flow(4),
        pingpong: await awake(1),
        hand_over: await awake(new ArrayBuffer(LARGE)),
        free: await asleep() });
}

if (isMainThread)
    await main();
else
    roles[workerData.role](workerData);
