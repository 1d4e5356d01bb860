// Waiting for a function: the program was started before anybody knew for which.
//
//     [rehearse] ──▶ connect ──▶ read standard input to its end ──▶ become what it says
//
// Whoever starts it so sets _LAMBDAD_WAITS, to `briefly` if there is no time for a rehearsal, and
// sends {"variables": …}: the whole environment.

'use strict';

const { readFileSync } = require('node:fs');
const { Module } = require('node:module');

const { Connection } = require('./connection.cjs');

const WAITS = '_LAMBDAD_WAITS';
const BRIEFLY = 'briefly';
const STANDARD_INPUT = 0;

/** Wait, if this program was started for that. Gives a connection to the Runtime API. */
async function waitForFunction() {
  const address = process.env.AWS_LAMBDA_RUNTIME_API;
  const connection = new Connection(address);
  if (process.env[WAITS] === undefined) {
    return connection;
  }
  if (process.env[WAITS] !== BRIEFLY) {
    await require('./rehearsal.cjs').rehearse(become);
  }
  await connection.open();
  const assignment = readFileSync(STANDARD_INPUT, 'utf8');
  if (assignment === '') {
    process.exit(0); // nobody needs it any more
  }
  become(JSON.parse(assignment).variables);
  if (process.env.AWS_LAMBDA_RUNTIME_API === address) {
    return connection;
  }
  connection.close();
  return new Connection(process.env.AWS_LAMBDA_RUNTIME_API);
}

/** Have these environment variables, and be in the directory of the function. */
function become(variables) {
  for (const name of Object.keys(process.env)) {
    if (!(name in variables)) {
      delete process.env[name];
    }
  }
  for (const [name, value] of Object.entries(variables)) {
    if (process.env[name] !== value) {
      process.env[name] = value; // which is dear for TZ
    }
  }
  process.chdir(variables.LAMBDA_TASK_ROOT);
  Module._initPaths(); // NODE_PATH is read when Node.js starts
}

module.exports = { waitForFunction };
