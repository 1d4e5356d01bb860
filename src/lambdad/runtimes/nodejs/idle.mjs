// The moment when the function has nothing left to wait for: no timer, no socket, no child.
//
// The runtime's own connection does not count between its requests. When that moment comes and
// nobody waits for it, the process ends.

let waiting = null;

process.on('beforeExit', () => {
  const resume = waiting;
  waiting = null;
  resume?.();
});

/** Call `resume` at that moment, and nothing else that was to be called. */
export function onIdle(resume) {
  waiting = resume;
}

/** Wait for that moment. */
export function untilIdle() {
  return new Promise(onIdle);
}
