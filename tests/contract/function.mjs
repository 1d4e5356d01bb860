// The function of the contract's tests in Node.js: tells what it finds.

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
};

export async function handler(event) {
  process.stdout.write(`got ${JSON.stringify(event)}\n`);
  return event.do === undefined ? event : deeds[event.do](event.with ?? {});
}
