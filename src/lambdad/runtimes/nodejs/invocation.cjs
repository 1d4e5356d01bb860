// One invocation: the handler is called, and what became of it is posted.
//
//     answers by                    the next event is asked for
//     a promise                     at once
//     callback                      when the function has nothing left to wait for, or at once if
//                                   callbackWaitsForEmptyEventLoop is false
//     done, succeed, fail           at once
//     nothing, and waits for        at once; the answer is null
//     nothing either

'use strict';

const errors = require('./errors.cjs');
const { fault } = require('./errors.cjs');
const { onIdle, untilIdle } = require('./idle.cjs');
const { isStreaming, responseOf } = require('./streaming.cjs');

/** Run it to its end. Gives how to fail it from outside, and when it is over. */
function begin(api, log, handler, request, makeContext) {
  const start = isStreaming(handler) ? beginStreaming : beginBuffered;
  return start(api, log, handler, request, makeContext);
}

function beginBuffered(api, log, handler, request, makeContext) {
  let posted = null;
  const fail = (error) => (posted ??= api.fail(request.invokeId, error));
  const run = async () => {
    const outcome = marshalled(await call(handler, request, makeContext));
    onIdle(null);
    if (posted !== null) {
      return; // it failed from outside
    }
    if (outcome.failed) {
      log.error('Invoke Error', outcome.error);
      await fail(outcome.error);
      return;
    }
    await (posted = api.respond(request.invokeId, outcome.result));
    if (outcome.mustBeIdle?.()) {
      await untilIdle();
    }
  };
  return { fail, isOver: run() };
}

function marshalled(outcome) {
  if (outcome.failed) {
    return outcome;
  }
  try {
    return { ...outcome, result: marshal(outcome.result) };
  } catch (error) {
    return { failed: true, error };
  }
}

/** What the handler answers with first; whatever it answers with later is dropped. */
function call(handler, request, makeContext) {
  return new Promise((resolve) => {
    const succeed = (result) => resolve({ failed: false, result });
    const fail = (error) => resolve({ failed: true, error: error ?? 'handled' });
    onIdle(() => succeed(null));
    try {
      const context = makeContext(request);
      const callback = (error, result) => {
        if (error !== undefined && error !== null) {
          fail(error);
          return;
        }
        const mustBeIdle = () => context.callbackWaitsForEmptyEventLoop;
        resolve({ failed: false, result, mustBeIdle });
      };
      context.succeed = succeed;
      context.fail = fail;
      context.done = (error, result) =>
        error === undefined || error === null ? succeed(result) : fail(error);
      const returned = handler(unmarshal(request.body), context, callback);
      if (isPromise(returned)) {
        returned.then(succeed, (error) => resolve({ failed: true, error }));
      }
    } catch (error) {
      resolve({ failed: true, error });
    }
  });
}

function beginStreaming(api, log, handler, request, makeContext) {
  const { invokeId } = request;
  const response = responseOf(handler, (contentType) => api.stream(invokeId, contentType));
  const { stream } = response;
  let failure;
  const sent = response.isOver.then(() => response.outgoing().end(failure));
  sent.catch(() => {}); // whoever waits for it is told
  const fail = (error) => {
    const outgoing = response.outgoing();
    if (outgoing === null) {
      return api.fail(invokeId, error);
    }
    if (stream.destroyed && !stream.writableFinished) {
      return outgoing.end(error);
    }
    failure ??= error; // told behind what was written before
    stream.end();
    return sent;
  };
  const run = async () => {
    try {
      await write(handler, request, makeContext, stream);
      await response.isOver;
    } catch (error) {
      onIdle(null);
      log.error('Invoke Error', error);
      await fail(error);
      return;
    }
    onIdle(null);
    await sent;
  };
  return { fail, isOver: run() };
}

/** Let the handler write; if it then waits for nothing any more, the response ends there. */
async function write(handler, request, makeContext, stream) {
  const nothingLeft = new Promise((resolve) => {
    onIdle(() => {
      stream.end();
      resolve();
    });
  });
  const returned = handler(unmarshal(request.body), stream, makeContext(request));
  if (!isPromise(returned)) {
    const message = 'A handler that writes its response must be async.';
    throw fault(errors.MALFORMED_STREAMING_HANDLER, message);
  }
  await Promise.race([returned, nothingLeft]);
}

function unmarshal(body) {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw fault(errors.UNMARSHAL_ERROR, `Unable to unmarshal input: ${error.message}`);
  }
}

function marshal(result) {
  try {
    // Of a function or a symbol nothing is left.
    return JSON.stringify(result) ?? 'null';
  } catch (error) {
    throw fault(errors.MARSHAL_ERROR, `Unable to marshal response: ${error.message}`);
  }
}

function isPromise(value) {
  return typeof value?.then === 'function';
}

module.exports = { begin };
