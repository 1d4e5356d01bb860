// Waiting for a function: the program was started before anybody knew for which.
//
//     [rehearse] ──▶ read standard input to its end ──▶ become what it says
//
// Whoever starts it so sets _LAMBDAD_WAITS, to `briefly` if there is no time for a rehearsal, and
// sends {"variables": …}: the whole environment.

'use strict';

const { readFileSync } = require('node:fs');
const { Module } = require('node:module');

const { contextBuilder } = require('./context.cjs');
const { load } = require('./handler.cjs');
const { begin } = require('./invocation.cjs');
const { connect } = require('./runtime_api.cjs');

const WAITS = '_LAMBDAD_WAITS';
const BRIEFLY = 'briefly';
const STANDARD_INPUT = 0;
const REHEARSALS = 4;

/** Wait, if this program was started for that. */
async function waitForFunction() {
  if (process.env[WAITS] === undefined) {
    return;
  }
  if (process.env[WAITS] !== BRIEFLY) {
    await rehearse();
  }
  const assignment = readFileSync(STANDARD_INPUT, 'utf8');
  if (assignment === '') {
    process.exit(0); // nobody needs it any more
  }
  become(JSON.parse(assignment).variables);
}

function become(variables) {
  for (const name of Object.keys(process.env)) {
    if (!(name in variables)) {
      delete process.env[name];
    }
  }
  Object.assign(process.env, variables);
  process.chdir(variables.LAMBDA_TASK_ROOT);
  Module._initPaths(); // NODE_PATH is read when Node.js starts
}

/** Play invocations to ourselves, so that the first real one finds everything loaded. */
async function rehearse() {
  const { createServer } = require('node:http');
  const log = { error() {} };
  const handler = await load('rehearsal.handler', __dirname);
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api = connect(`127.0.0.1:${server.address().port}`);
  for (let count = 0; count < REHEARSALS; count += 1) {
    const request = await api.next();
    await begin(api, log, handler, request, contextBuilder(process.env)).isOver;
  }
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

function answer(request, response) {
  request.resume();
  request.on('end', () => {
    response.setHeader('Content-Type', 'application/json');
    response.setHeader('Lambda-Runtime-Aws-Request-Id', 'rehearsal');
    response.setHeader('Lambda-Runtime-Deadline-Ms', String(Date.now()));
    response.end('{}');
  });
}

module.exports = { waitForFunction };
