// The Runtime API, as a runtime sees it, on one connection that is kept open.
//
// There is only ever one request under way; another waits for its turn.

'use strict';

const { Agent, request: httpRequest } = require('node:http');

const { shortened, toHeader, toResponse, toXrayCause } = require('./errors.cjs');

const VERSION = '/2018-06-01/runtime';
const JSON_TYPE = 'application/json';
const TYPE = 'Lambda-Runtime-Function-Error-Type';
const BODY = 'Lambda-Runtime-Function-Error-Body';
const CAUSE = 'Lambda-Runtime-Function-XRay-Error-Cause';
const LARGEST_HEADERS = 65536;
const ALWAYS_TAKEN = 65536;
const TOO_LARGE = 413;

/** Speaks to the Runtime API at `address`. */
function connect(address) {
  const colon = address.lastIndexOf(':');
  const server = {
    host: colon < 0 ? address : address.slice(0, colon),
    port: colon < 0 ? 80 : Number(address.slice(colon + 1)),
    agent: new Agent({ keepAlive: true, maxSockets: 1, noDelay: true }),
    maxHeaderSize: LARGEST_HEADERS,
  };

  /** `fields` are names and values of headers in turn, which costs Node.js less than an object. */
  function send(method, path, fields, body) {
    return new Promise((resolve, reject) => {
      const headers = ['Host', address, ...fields];
      const request = httpRequest({ ...server, method, path: VERSION + path, headers });
      request.on('response', (answer) => read(answer, resolve, reject));
      request.on('error', (error) => {
        error.isOfOldConnection = request.reusedSocket;
        reject(error);
      });
      request.end(body);
    });
  }

  async function post(path, fields, body, subject) {
    const size = String(Buffer.byteLength(body));
    let answer;
    try {
      const all = ['Content-Type', JSON_TYPE, 'Content-Length', size, ...fields];
      answer = await send('POST', path, all, body);
    } catch (error) {
      if (body.length <= ALWAYS_TAKEN) {
        throw error;
      }
      return; // refused halfway; the server knows what it refused
    }
    check(answer, subject);
  }

  function postError(path, error, subject) {
    const response = toResponse(error);
    const cause = toXrayCause(response);
    const fields = [TYPE, toHeader(response.errorType), ...(cause ? [CAUSE, cause] : [])];
    return post(path, fields, JSON.stringify(response), subject);
  }

  return {
    /** Wait until there is an event. */
    async next() {
      const path = '/invocation/next';
      let answer;
      try {
        answer = await send('GET', path, []);
      } catch (error) {
        if (!error.isOfOldConnection) {
          throw error;
        }
        answer = await send('GET', path, []); // the server had closed the connection meanwhile
      }
      if (answer.status !== 200) {
        throw new Error(`The Runtime API gave no event, but status ${answer.status}`);
      }
      return toInvocation(answer);
    },

    /** The handler is done; `result` is JSON. */
    respond(invokeId, result) {
      return post(`/invocation/${invokeId}/response`, [], result, 'success');
    },

    /** The handler failed. */
    fail(invokeId, error) {
      return postError(`/invocation/${invokeId}/error`, error, 'failure');
    },

    /** The function could not be loaded; the process must end after this. */
    failInit(error) {
      return postError('/init/error', error, 'init error');
    },

    /** Begin a response that is sent while it is written. */
    stream(invokeId, contentType) {
      const request = httpRequest({
        ...server,
        method: 'POST',
        path: `${VERSION}/invocation/${invokeId}/response`,
        headers: {
          'Content-Type': contentType,
          'Transfer-Encoding': 'chunked',
          'Lambda-Runtime-Function-Response-Mode': 'streaming',
          Trailer: `${TYPE}, ${BODY}`,
        },
      });
      return outgoing(request);
    },
  };
}

/** The body of a request, in pieces. When no more of it is taken, the server knows why, and what
 * is written goes nowhere. */
function outgoing(request) {
  let isCutOff = false;
  let isEnded = false;
  let written = null; // what waits until a piece is out
  const release = () => {
    const done = written;
    written = null;
    done?.();
  };
  const isOver = new Promise((resolve) => {
    request.on('response', (answer) => {
      if (!isEnded) {
        isCutOff = true; // it is refused before its end
        request.destroy();
        return;
      }
      read(answer, resolve, resolve);
    });
    request.on('error', () => {});
    request.on('close', () => {
      isCutOff = true;
      release();
      resolve();
    });
  });
  return {
    /** Send a piece, and call `done` when there is room for more. */
    write(piece, done) {
      if (isCutOff || isEnded || piece.length === 0) {
        done();
        return;
      }
      written = done;
      request.write(piece, release);
    },

    /** There is no more of it; the error that ended it, if there is one, is told behind. */
    async end(error) {
      isEnded = true;
      if (!isCutOff) {
        if (error !== undefined) {
          const response = shortened(toResponse(error));
          const body = Buffer.from(JSON.stringify(response)).toString('base64');
          request.addTrailers({ [TYPE]: toHeader(response.errorType), [BODY]: body });
        }
        request.end();
      }
      const answer = await isOver;
      if (answer?.status) {
        check(answer, 'success');
      }
    },
  };
}

function read(answer, resolve, reject) {
  const pieces = [];
  answer.on('data', (piece) => pieces.push(piece));
  answer.on('end', () => {
    const body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    resolve({ status: answer.statusCode, headers: answer.headers, body: body.toString() });
  });
  answer.on('error', reject);
}

function check({ status, body }, subject) {
  if (status >= 200 && status < 300) {
    return;
  }
  process.stdout.write(
    `[ERROR] [${Date.now()}] LAMBDA_RUNTIME Failed to post handler ${subject} response. ` +
      `Http response code: ${status}. ${body}\n`,
  );
  if (status !== TOO_LARGE) {
    // Of what is too large the caller of the function is told by the server.
    throw new Error('The Runtime API did not take the response');
  }
}

function toInvocation({ headers, body }) {
  return {
    invokeId: headers['lambda-runtime-aws-request-id'],
    traceId: headers['lambda-runtime-trace-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    deadlineMs: Number(headers['lambda-runtime-deadline-ms']),
    clientContext: headers['lambda-runtime-client-context'],
    cognitoIdentity: headers['lambda-runtime-cognito-identity'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    body,
  };
}

module.exports = { connect };
