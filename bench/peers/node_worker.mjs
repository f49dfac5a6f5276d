// worker.c asked of Node.js's Worker, twenty times a round: a median is compared,
// and each takes tens of milliseconds.
import { LOAD, median, now, report } from './node_lab.mjs';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

const COUNT = Math.max(3, LOAD / 5000);

async function first() {
    const begin = now();
    const worker = new Worker(new URL(import.meta.url));
    const ended = new Promise((told) => worker.once('exit', told));

    await new Promise((told) => worker.once('message', told));
    const ns = now() - begin;
    await ended;
    return ns;
}

if (isMainThread) {
    const times = [];

    await first();
    for (let i = 0; i < COUNT; i++)
        times.push(await first());
    report('worker', { first: median(times, 1e3) });
} else {
    parentPort.postMessage(1);
}
