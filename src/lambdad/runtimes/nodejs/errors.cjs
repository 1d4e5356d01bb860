// What went wrong, in the forms that AWS gives it.
//
// fault      the runtime's own finding (a handler that is missing, a result that is no JSON)
// others     whatever the function threw, which need not be an Error

'use strict';

const { types } = require('node:util');

const IMPORT_MODULE_ERROR = 'Runtime.ImportModuleError';
const MALFORMED_HANDLER_NAME = 'Runtime.MalformedHandlerName';
const HANDLER_NOT_FOUND = 'Runtime.HandlerNotFound';
const USER_CODE_SYNTAX_ERROR = 'Runtime.UserCodeSyntaxError';
const UNMARSHAL_ERROR = 'Runtime.UnmarshalError';
const MARSHAL_ERROR = 'Runtime.MarshalError';
const UNHANDLED_PROMISE_REJECTION = 'Runtime.UnhandledPromiseRejection';
const MALFORMED_STREAMING_HANDLER = 'Runtime.MalformedStreamingHandler';
const INVALID_STREAMING_OPERATION = 'Runtime.InvalidStreamingOperation';

const LARGEST_CAUSE = 65536;
const LARGEST_MESSAGE = 65536;
const UNREADABLE = { errorType: 'handled', errorMessage: 'The error cannot be read.', trace: [] };
const NOT_IN_HEADERS = /[^\x20-\x7e]/g;
const FRAME = /^\s*at (?:(.*) \()?(.*?):(\d+):\d+\)?$/;

/** A failure that the runtime itself finds; its trace begins with the caller. */
function fault(errorType, message) {
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: errorType, configurable: true });
  Error.captureStackTrace(error, fault);
  return error;
}

/** The error object that the client of the function gets. */
function toResponse(error) {
  try {
    if (!isError(error)) {
      return { errorType: typeof error, errorMessage: String(error), trace: [] };
    }
    return {
      errorType: text(error.name),
      errorMessage: text(error.message),
      trace: lines(error.stack),
    };
  } catch {
    return UNREADABLE; // a getter or a conversion of its own threw
  }
}

/** The error as a text log shows it: with whatever properties the function gave it. */
function toLogText(error) {
  try {
    if (!isError(error)) {
      return JSON.stringify(toResponse(error));
    }
    const { name, message, code, stack } = error;
    const shown = { errorType: name, errorMessage: message, code, ...error, stack: lines(stack) };
    return JSON.stringify(shown, replaceErrors('stack'));
  } catch {
    return JSON.stringify(toResponse(error));
  }
}

/** For JSON.stringify: errors inside of what is logged show what they are. */
function replaceErrors(nameOfStack) {
  return (_, value) => {
    if (!types.isNativeError(value)) {
      return value;
    }
    return {
      errorType: value.constructor?.name ?? 'UnknownError',
      errorMessage: value.message,
      ...value,
      [nameOfStack]: lines(value.stack),
    };
  };
}

/** The error as X-Ray wants it, for a header; one that is too long for that is left out. */
function toXrayCause(response) {
  const stack = [];
  for (const line of response.trace) {
    const frame = FRAME.exec(line);
    if (frame !== null) {
      stack.push({ path: frame[2], line: Number(frame[3]), label: frame[1] ?? 'anonymous' });
    }
  }
  const cause = JSON.stringify({
    working_directory: process.cwd(),
    exceptions: [{ type: response.errorType, message: response.errorMessage, stack }],
    paths: [...new Set(stack.map((frame) => frame.path))],
  });
  const ascii = cause.replace(NOT_IN_HEADERS, escapeUnit);
  return ascii.length < LARGEST_CAUSE ? ascii : '';
}

/** A type that can stand in a header. */
function toHeader(errorType = '') {
  return errorType.replace(NOT_IN_HEADERS, '?').slice(0, 1024);
}

/** An error that is told behind a response, where there is less room: a long one without its
 * trace. */
function shortened(response) {
  const { errorType, errorMessage = '', trace } = response;
  const told = trace.reduce((sum, line) => sum + line.length, errorMessage.length);
  if (told <= LARGEST_MESSAGE) {
    return response;
  }
  return { errorType, errorMessage: errorMessage.slice(0, LARGEST_MESSAGE), trace: [] };
}

/** Whether it has what an Error has, wherever it comes from. */
function isError(value) {
  return types.isNativeError(value) || Boolean(value?.name && value.message && value.stack);
}

function text(value) {
  return value === undefined ? undefined : String(value);
}

function lines(stack) {
  return typeof stack === 'string' ? stack.split('\n') : [];
}

function escapeUnit(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

module.exports = {
  IMPORT_MODULE_ERROR,
  MALFORMED_HANDLER_NAME,
  HANDLER_NOT_FOUND,
  USER_CODE_SYNTAX_ERROR,
  UNMARSHAL_ERROR,
  MARSHAL_ERROR,
  UNHANDLED_PROMISE_REJECTION,
  MALFORMED_STREAMING_HANDLER,
  INVALID_STREAMING_OPERATION,
  fault,
  toResponse,
  toLogText,
  replaceErrors,
  toXrayCause,
  toHeader,
  shortened,
  isError,
};
