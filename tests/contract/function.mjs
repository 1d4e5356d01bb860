// The function of the contract's tests in Node.js: tells what it finds.

import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

const deeds = {
  describe: () => ({
    pid: process.pid,
    uid: process.getuid(),
    directory: process.cwd(),
    options: process.env.NODE_OPTIONS ?? null,
    names: Object.keys(process.env),
  }),
  read: ({ path }) => readFileSync(path, 'utf8'),
  descriptors: () => readdirSync('/proc/self/fd').length,
  tick: () => {
    setInterval(() => process.stdout.write('tick\n'), 1);
  },
  tick_below: () => {
    spawn('/bin/sh', ['-c', 'while :; do echo tick; sleep 0.001; done'], { stdio: 'inherit' });
  },
};

export async function handler(event) {
  process.stdout.write(`got ${JSON.stringify(event)}\n`);
  return event.do === undefined ? event : deeds[event.do](event.with ?? {});
}
