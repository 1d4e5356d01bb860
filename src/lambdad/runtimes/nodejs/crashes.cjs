// Errors that nobody caught: they fail the invocation that runs, or the Init phase, and end the
// process.

'use strict';

const { UNHANDLED_PROMISE_REJECTION, fault } = require('./errors.cjs');

const STATUS_OF_EXCEPTION = 129;
const STATUS_OF_REJECTION = 128;

/** End the process at the first of them; `report` tells the Runtime API about it. */
function endOnCrash(log, report) {
  let isCrashing = false;
  const crash = async (subject, error, status) => {
    if (isCrashing) {
      return;
    }
    isCrashing = true;
    log.error(subject, error);
    try {
      await report(error);
    } finally {
      process.exit(status);
    }
  };
  process.on('uncaughtException', (error) =>
    crash('Uncaught Exception', error, STATUS_OF_EXCEPTION),
  );
  process.on('unhandledRejection', (reason) =>
    crash('Unhandled Promise Rejection', rejection(reason), STATUS_OF_REJECTION),
  );
}

function rejection(reason) {
  let message;
  try {
    message = String(reason);
  } catch {
    message = 'The reason cannot be read.';
  }
  return Object.assign(fault(UNHANDLED_PROMISE_REJECTION, message), { reason });
}

module.exports = { endOnCrash };
