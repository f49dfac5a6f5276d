/*
 * Opens a trace file in speedscope as a person would: by its button for local
 * files. Every slice of every thread stands in the table "Sandwich"; the names
 * that are asked for, of threads and slices, must be seen, and speedscope must
 * not complain about how slices nest.
 *
 *   node open.js FILE CHROMIUM NAME...
 */
'use strict';

const path = require('path');
const {chromium} = require('playwright-core');

const [file, executablePath, ...names] = process.argv.slice(2);
const speedscope = path.join(
    path.dirname(require.resolve('speedscope/package.json')),
    'dist/release/index.html');
const complaint = /Tried to end|still open|Failed|went wrong|Unrecognized/;

async function open(browser) {
    const page = await browser.newPage({viewport: {width: 1200, height: 4000}});
    const complaints = [];

    page.on('console', (message) => {
        if (complaint.test(message.text()))
            complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
        if (!/^(file|data|blob):/.test(request.url()))
            complaints.push(`asked for ${request.url()}`);
    });
    await page.goto(`file://${speedscope}`);
    await page.setInputFiles('input[type=file]', file);
    return {page, complaints};
}

function shows(page, text) {
    return page.waitForFunction(
        (wanted) => document.body.innerText.includes(wanted), text,
        {timeout: 15000});
}

/* The text when two looks, frames apart, find the same: parts are drawn later. */
async function settled(page) {
    const look = () => page.evaluate(() => new Promise((told) => {
        const after = (frames) => frames === 0
            ? told(document.body.innerText)
            : requestAnimationFrame(() => after(frames - 1));

        after(5);
    }));
    let text = await look();

    for (let again = await look(); again !== text; again = await look())
        text = again;
    return text;
}

/* All lines of text, of one thread after the other; there are several. */
async function read(page) {
    const seen = new Set();
    let threads = 1;

    await shows(page, 'Sandwich');
    await page.keyboard.press('3');
    await shows(page, 'Symbol Name');
    for (let i = 1; i <= threads; i++) {
        await shows(page, `(${i}/`);
        const text = await settled(page);

        threads = Number(text.match(/\(\d+\/(\d+)\)/)[1]);
        for (const line of text.split('\n'))
            seen.add(line.trim().replace(/^.*, (.*) \(tid .*$/, '$1'));
        await page.keyboard.press('n');
    }
    return seen;
}

async function main() {
    const browser = await chromium.launch({
        executablePath,
        args: process.getuid() === 0 ? ['--no-sandbox'] : []});

    try {
        const {page, complaints} = await open(browser);
        const seen = await read(page).catch((error) => {
            throw new Error(complaints[0] || error.message);
        });
        const missing = names.filter((name) => !seen.has(name));

        if (complaints.length)
            throw new Error(complaints[0]);
        if (missing.length)
            throw new Error(`not shown: ${missing.join(', ')}`);
        console.log(`shown: ${names.join(', ')}`);
    } finally {
        await browser.close();
    }
}

main().catch((error) => {
    console.error(`FAILED: ${error.message}`);
    process.exitCode = 1;
});
