// The Node.js runtime: asks the Runtime API for events and gives them to the function's handler.
//
// It runs inside the sandbox, on Node.js alone.
//
//     [wait for a function] ──▶ next ──▶ begin ──▶ the handler ──▶ response | error ──▶ next …

'use strict';

const codeCache = require('./code_cache.cjs');

codeCache.use(); // before anything else is loaded

const { contextBuilder } = require('./context.cjs');
const { endOnCrash } = require('./crashes.cjs');
const { load } = require('./handler.cjs');
const { begin } = require('./invocation.cjs');
const logs = require('./logs.cjs');
const { runtimeApi } = require('./runtime_api.cjs');
const { awslambda } = require('./streaming.cjs');
const { endOnSigterm } = require('./termination.cjs');
const { waitForFunction } = require('./waiting.cjs');

const TRACE_VARIABLE = '_X_AMZN_TRACE_ID';

async function main() {
  if (process.pid === 1) {
    endOnSigterm();
  }
  globalThis.awslambda = awslambda;
  const api = runtimeApi(await waitForFunction());
  const log = logs.setUp(process.env);
  let failRunning = (error) => api.failInit(error);
  let isCrashing = false;
  endOnCrash(log, (error) => {
    isCrashing = true;
    return failRunning?.(error);
  });

  const handler = await loadHandler(api, log, () => isCrashing);
  codeCache.leaveToThreads();
  const makeContext = contextBuilder(process.env);
  while (!isCrashing) {
    failRunning = null; // between two invocations there is nothing to fail
    const request = await api.next();
    logs.current.requestId = request.invokeId;
    logs.current.tenantId = request.tenantId;
    setTraceId(request.traceId);
    const running = begin(api, log, handler, request, makeContext);
    failRunning = running.fail;
    await running.isOver;
  }
  await untilTheEnd();
}

/** The function's handler; a failure goes to the Runtime API and ends the process. */
async function loadHandler(api, log, isCrashing) {
  try {
    return await load(process.env._HANDLER ?? '', process.env.LAMBDA_TASK_ROOT ?? process.cwd());
  } catch (error) {
    if (isCrashing()) {
      await untilTheEnd();
    }
    log.warnOfUnhandledException();
    log.error('Uncaught Exception', error);
    await api.failInit(error);
    process.exit(1);
  }
}

/** A crash is being told, and ends the process. */
function untilTheEnd() {
  return new Promise(() => {});
}

function setTraceId(traceId) {
  if (traceId) {
    process.env[TRACE_VARIABLE] = traceId;
  } else {
    delete process.env[TRACE_VARIABLE];
  }
}

/** Without the Runtime API there is nothing left to do. */
function giveUp(error) {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}

main().catch(giveUp);
