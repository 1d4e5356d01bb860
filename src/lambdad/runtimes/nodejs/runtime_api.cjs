// The Runtime API, as a runtime sees it.

'use strict';

const { shortened, toHeader, toResponse, toXrayCause } = require('./errors.cjs');

const VERSION = '/2018-06-01/runtime';
const TYPE = 'Lambda-Runtime-Function-Error-Type';
const BODY = 'Lambda-Runtime-Function-Error-Body';
const CAUSE = 'Lambda-Runtime-Function-XRay-Error-Cause';
const JSON_TYPE = 'Content-Type: application/json\r\n';
const STREAMING = `Lambda-Runtime-Function-Response-Mode: streaming\r\nTrailer: ${TYPE}, ${BODY}\r\n`;
const NOT_IN_HEADERS = /[^\t\x20-\x7e\x80-\xff]/;
const END_OF_CHUNK = Buffer.from('\r\n');
const ALWAYS_TAKEN = 65536;
const TOO_LARGE = 413;

/** Speaks to the Runtime API on a connection of its own. */
function runtimeApi(connection) {
  const end = ` HTTP/1.1\r\nHost: ${connection.address}\r\n`;
  const next = `GET ${VERSION}/invocation/next${end}\r\n`;

  async function post(path, fields, body, subject) {
    const size = Buffer.byteLength(body);
    const head = `POST ${VERSION}${path}${end}${fields}Content-Length: ${size}\r\n\r\n`;
    let answer;
    try {
      answer = await connection.request(head + body);
    } catch (error) {
      if (size <= ALWAYS_TAKEN) {
        throw error;
      }
      return; // refused halfway; the server knows what it refused
    }
    check(answer, subject);
  }

  function postError(path, error, subject) {
    const response = toResponse(error);
    const cause = toXrayCause(response);
    const type = `${TYPE}: ${toHeader(response.errorType)}\r\n`;
    const fields = `${JSON_TYPE}${type}${cause && `${CAUSE}: ${cause}\r\n`}`;
    return post(path, fields, JSON.stringify(response), subject);
  }

  return {
    /** Wait until there is an event. */
    async next() {
      let answer;
      try {
        answer = await connection.request(next);
      } catch (error) {
        if (!error.isOfOldConnection) {
          throw error;
        }
        answer = await connection.request(next); // the server had closed it meanwhile
      }
      if (answer.status !== 200) {
        throw new Error(`The Runtime API gave no event, but status ${answer.status}`);
      }
      return toInvocation(answer);
    },

    /** The handler is done; `result` is JSON. */
    respond(invokeId, result) {
      return post(`/invocation/${invokeId}/response`, JSON_TYPE, result, 'success');
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
      if (NOT_IN_HEADERS.test(contentType)) {
        throw new TypeError('The content type has a character that no header may have.');
      }
      const fields = `Content-Type: ${contentType}\r\nTransfer-Encoding: chunked\r\n${STREAMING}`;
      const path = `${VERSION}/invocation/${invokeId}/response`;
      return outgoing(connection, Buffer.from(`POST ${path}${end}${fields}\r\n`, 'latin1'));
    },
  };
}

/** The body of a request, in pieces. When no more of it is taken, the server knows why, and what
 * is written goes nowhere. */
function outgoing(connection, head) {
  let isCutOff = false;
  let isEnded = false;
  const cutOff = () => {
    isCutOff = true;
  };
  const answer = connection.request(head).then((early) => {
    if (isEnded) {
      return early;
    }
    cutOff(); // it is refused before its end
    connection.close();
  }, cutOff);
  return {
    /** Send a piece, and call `done` when there is room for more. */
    write(piece, done) {
      if (isCutOff || isEnded || piece.length === 0) {
        done();
        return;
      }
      const size = Buffer.from(`${piece.length.toString(16)}\r\n`);
      connection.write(Buffer.concat([size, piece, END_OF_CHUNK]), () => done());
    },

    /** There is no more of it; the error that ended it, if there is one, is told behind. */
    async end(error) {
      isEnded = true;
      if (!isCutOff) {
        connection.write(`0\r\n${error === undefined ? '' : toTrailers(error)}\r\n`);
      }
      const last = await answer;
      if (last) {
        check(last, 'success');
      }
    },
  };
}

function toTrailers(error) {
  const response = shortened(toResponse(error));
  const body = Buffer.from(JSON.stringify(response)).toString('base64');
  return `${TYPE}: ${toHeader(response.errorType)}\r\n${BODY}: ${body}\r\n`;
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

module.exports = { runtimeApi };
