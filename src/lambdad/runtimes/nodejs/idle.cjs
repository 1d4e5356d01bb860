// The moment when the function has nothing left to wait for: no timer, no socket, no child.
//
// The runtime's own connection does not count between its requests. When that moment comes and
// nobody waits for it, the process ends.

'use strict';

// What Node.js itself says of a program that waits for what can never come.
const NEVER_SETTLED = 13;

let waiting = null;

process.on('beforeExit', () => {
  const resume = waiting;
  waiting = null;
  if (resume === null) {
    process.exitCode ??= NEVER_SETTLED;
  }
  resume?.();
});

/** Call `resume` at that moment, and nothing else that was to be called. */
function onIdle(resume) {
  waiting = resume;
}

/** Wait for that moment. */
function untilIdle() {
  return new Promise(onIdle);
}

module.exports = { onIdle, untilIdle };
