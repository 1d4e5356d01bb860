// The console as AWS's Node.js runtime sets it up: one line a message, in text or in JSON.
//
// Lines go to standard output, or, when the platform offers a telemetry channel, to that as frames,
// which keep a message of several lines in one piece. Whatever the function itself writes to its
// standard output is left as it is.

'use strict';

const { writeSync } = require('node:fs');
const { Writable } = require('node:stream');
const { format } = require('node:util');

const { replaceErrors, toLogText, toResponse } = require('./errors.cjs');

const CHANNEL_VARIABLE = '_LAMBDA_TELEMETRY_LOG_FD';
const FRAME_HEAD_SIZE = 16;
const LEVELS = {
  TRACE: { rank: 0, frame: 0xa55a0007 },
  DEBUG: { rank: 1, frame: 0xa55a000b },
  INFO: { rank: 2, frame: 0xa55a000f },
  WARN: { rank: 3, frame: 0xa55a0013 },
  ERROR: { rank: 4, frame: 0xa55a0017 },
  FATAL: { rank: 5, frame: 0xa55a001b },
};
const METHODS = {
  trace: 'TRACE',
  debug: 'DEBUG',
  log: 'INFO',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
  fatal: 'FATAL',
};
const WARNING =
  'LAMBDA_WARNING: Unhandled exception. The function could not be loaded, most likely because of ' +
  'an error in its own code.\r';

/** Which invocation the lines belong to. */
const current = { requestId: undefined, tenantId: undefined };

/** Put AWS's functions in the place of the console's; gives what the runtime logs errors with. */
function setUp(variables) {
  const isJson = (variables.AWS_LAMBDA_LOG_FORMAT ?? '').toUpperCase() === 'JSON';
  const lowest = LEVELS[(variables.AWS_LAMBDA_LOG_LEVEL ?? '').toUpperCase()]?.rank ?? 0;
  const write = openSink(variables, isJson);
  const toLine = isJson ? toJsonLine : toTextLine;
  const writers = {};
  for (const [method, level] of Object.entries(METHODS)) {
    const isShown = LEVELS[level].rank >= lowest;
    const log = (...parts) => write(toLine(level, parts), level);
    writers[method] = log;
    console[method] = isShown ? log : () => {};
  }
  return {
    /** Log an error that ends the invocation, the Init phase or the process. */
    error(subject, error) {
      if (!isJson) {
        writers.error(subject, `\t${toLogText(error)}`);
        return;
      }
      try {
        writers.error(error);
      } catch {
        writers.error(toResponse(error)); // it cannot be read as it is
      }
    },
    /** What is said before an error of the Init phase. */
    warnOfUnhandledException() {
      writers.warn(WARNING);
    },
  };
}

function openSink(variables, isJson) {
  const descriptor = variables[CHANNEL_VARIABLE];
  if (!descriptor) {
    // A function may replace process.stdout.write by what writes to the console; and whatever does
    // not write should not have to wait for standard output to be opened.
    const writeOut = (text) => Writable.prototype.write.call(process.stdout, text);
    // A line feed would end the event of the log in the middle of its message.
    return (line) => writeOut(`${line.replaceAll('\n', '\r')}\n`);
  }
  delete variables[CHANNEL_VARIABLE];
  return (line, level) => writeFrame(Number(descriptor), LEVELS[level].frame - isJson, line);
}

function writeFrame(descriptor, type, line) {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_SIZE + Buffer.byteLength(line));
  const size = frame.write(line, FRAME_HEAD_SIZE);
  frame.writeUInt32BE(type, 0);
  frame.writeUInt32BE(size, 4);
  frame.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  for (let sent = 0; sent < frame.length; ) {
    sent += writeSync(descriptor, frame, sent);
  }
}

function toTextLine(level, parts) {
  return `${new Date().toISOString()}\t${current.requestId}\t${level}\t${format(...parts)}`;
}

/** An only part keeps its shape; several are formatted, and the first error among them shows. */
function toJsonLine(level, parts) {
  const fields = { timestamp: new Date().toISOString(), level, ...current };
  if (parts.length === 1) {
    try {
      return JSON.stringify({ ...fields, message: parts[0] }, replaceErrors('stackTrace'));
    } catch {
      return JSON.stringify({ ...fields, message: format(...parts) });
    }
  }
  return JSON.stringify({ ...fields, message: format(...parts), ...errorFields(parts.slice(1)) });
}

function errorFields(parts) {
  const error = parts.find((part) => part instanceof Error);
  if (error === undefined) {
    return {};
  }
  return {
    errorType: error.constructor.name,
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : [],
  };
}

module.exports = { current, setUp };
