// What the scripts of Node.js share: they write what Google Benchmark writes, to
// the file named by --benchmark_out=, for run.sh.
import { writeFileSync } from 'node:fs';

export const LOAD = process.env.BENCH_SMOKE ? 200 : 100000;

export const now = () => Number(process.hrtime.bigint()); // ns

export function median(times, unit) {
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.floor(times.length * share)] / unit;
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

// `rows`: the figures of each row of the question.
export function report(question, rows) {
    const benchmarks = Object.entries(rows).map(([row, figures]) => ({
        name: `${question}/${row}/Node.js`, run_type: 'iteration',
        repetitions: 1, repetition_index: 0, threads: 1, iterations: 1,
        ...figures }));
    const text = JSON.stringify(
        { context: { executable: 'Node.js' }, benchmarks }, null, 2) + '\n';
    const out = process.argv.find((it) => it.startsWith('--benchmark_out='));

    if (out)
        writeFileSync(out.slice(out.indexOf('=') + 1), text);
    else
        process.stdout.write(text);
}
