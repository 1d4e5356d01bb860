// SIGTERM for process 1, which the kernel spares unless it has a handler of its own.

'use strict';

const STATUS = 128 + 15;

/** End this process on SIGTERM, unless the function wants otherwise. */
function endOnSigterm() {
  process.on('SIGTERM', () => {
    if (process.listenerCount('SIGTERM') === 1) {
      process.exit(STATUS);
    }
  });
}

module.exports = { endOnSigterm };
