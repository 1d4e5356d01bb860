// What a program plays to itself while it waits for its function: some invocations, so that the
// first real one finds everything loaded and compiled.

'use strict';

const { createServer } = require('node:net');

const { Connection } = require('./connection.cjs');
const { contextBuilder } = require('./context.cjs');
const { load } = require('./handler.cjs');
const { begin } = require('./invocation.cjs');
const logs = require('./logs.cjs');
const { runtimeApi } = require('./runtime_api.cjs');

const INVOCATIONS = 4;
const ANSWER = [
  'HTTP/1.1 200 OK',
  'Content-Type: application/json',
  'Content-Length: 2',
  'Lambda-Runtime-Aws-Request-Id: rehearsal',
  'Lambda-Runtime-Deadline-Ms: 0',
  '',
  '{}',
].join('\r\n');

/** Play them. `become` takes environment variables. */
async function rehearse(become) {
  const server = createServer((socket) => socket.on('data', () => socket.write(ANSWER)));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connection = new Connection(`127.0.0.1:${server.address().port}`);
  become({ ...process.env, LAMBDA_TASK_ROOT: '/' });
  const log = logs.setUp({});
  const handler = await load('rehearsed.handler', __dirname);
  const api = runtimeApi(connection);
  for (let count = 0; count < INVOCATIONS; count += 1) {
    const request = await api.next();
    await begin(api, log, handler, request, contextBuilder(process.env)).isOver;
  }
  connection.close();
  await new Promise((resolve) => server.close(resolve));
}

module.exports = { rehearse };
