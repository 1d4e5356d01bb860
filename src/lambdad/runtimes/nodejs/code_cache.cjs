// Node.js brings its own modules along compiled. V8 takes them as long as its flags are those with
// which they were compiled, that is, none.
//
// The flag that says how large the heap is has done so when a program starts, and then only keeps
// V8 from them. Without it, whatever runtime and function load of Node.js is loaded three times as
// fast.

'use strict';

const v8 = require('node:v8');

const HEAP_SIZE = '--max-old-space-size=';
const THREADS = 'NativeModule worker_threads';

const flag = process.execArgv.findLast((argument) => argument.startsWith(HEAP_SIZE));

/** Take the flag back. */
function use() {
  if (flag !== undefined) {
    v8.setFlagsFromString(`${HEAP_SIZE}0`);
  }
}

/** Set the flag again where the function may start threads: the heaps of those, too, have their size
 * from it. */
function leaveToThreads() {
  if (flag !== undefined && process.moduleLoadList.includes(THREADS)) {
    v8.setFlagsFromString(flag);
  }
}

module.exports = { use, leaveToThreads };
