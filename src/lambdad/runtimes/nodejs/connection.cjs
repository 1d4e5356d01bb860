// The few parts of HTTP/1.1 that the Runtime API needs, on one connection that is kept open.
//
// To load node:http, and to run it for the first time, would be a good part of a start; and whatever
// a function does to it is none of the runtime's business.

'use strict';

const { connect } = require('node:net');

const BUFFER_SIZE = 65536;
const FIRST_FINAL = 200; // of a lower status another one is still to come
const DEFAULT_PORT = 80;

/** A connection to `address`, which is opened again when the server has closed it. */
class Connection {
  #server;
  #socket = null;
  #unanswered = []; // requests, in the order in which they are answered
  #isOld;

  constructor(address) {
    const colon = address.lastIndexOf(':');
    this.address = address;
    this.#server = {
      host: colon < 0 ? address : address.slice(0, colon),
      port: colon < 0 ? DEFAULT_PORT : Number(address.slice(colon + 1)),
      noDelay: true,
    };
  }

  /** Give it the time to be opened before it is needed; if that fails, it is tried again then. */
  open() {
    this.#open();
    this.#isOld = true; // by the time it is used
    const socket = this.#socket.unref();
    return new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  }

  /** Send a request, or its beginning, and wait for its answer. An error tells by
   * `isOfOldConnection` whether the server may have closed the connection before. */
  request(text) {
    return new Promise((resolve, reject) => {
      if (this.#socket === null) {
        this.#open();
      }
      this.#unanswered.push({ resolve, reject });
      this.#socket.ref();
      this.#socket.write(text);
    });
  }

  /** Send more of a request, and call `done` when there is room for what follows. */
  write(data, done) {
    if (this.#socket === null) {
      done?.(); // it would be the request of nobody
    } else {
      this.#socket.write(data, done);
    }
  }

  /** Close it; the next request opens it again. */
  close(problem = new Error('The connection to the Runtime API was closed')) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
    problem.isOfOldConnection = this.#isOld;
    for (const { reject } of this.#unanswered.splice(0)) {
      reject(problem);
    }
  }

  #open() {
    const received = new Received();
    let reading = readAnswer(received);
    const take = (size, buffer) => {
      received.push(buffer.subarray(0, size));
      for (let read = reading.next(); read.done; read = reading.next()) {
        reading = readAnswer(received);
        this.#answer(read.value);
      }
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafeSlow(BUFFER_SIZE), callback: take };
    const socket = connect({ ...this.#server, onread });
    let problem;
    socket.on('error', (error) => {
      problem = error;
    });
    socket.on('close', () => {
      if (socket === this.#socket) {
        this.close(problem);
      }
    });
    this.#socket = socket;
    this.#isOld = false;
  }

  #answer(answer) {
    const request = this.#unanswered.shift();
    this.#isOld = true;
    if (answer.isLast || request === undefined) {
      this.close();
    } else if (this.#unanswered.length === 0) {
      this.#socket.unref(); // whoever waits for nothing else may end
    }
    request?.resolve(answer);
  }
}

/** Bytes that came and are not read yet. Who needs more of them than there are yields. */
class Received {
  #pieces = [];
  #size = 0;

  /** The piece is copied. */
  push(piece) {
    this.#pieces.push(Buffer.from(piece));
    this.#size += piece.length;
  }

  /** Text up to a mark, which is read too. */
  *until(mark) {
    for (;;) {
      const end = this.#joined().indexOf(mark);
      if (end >= 0) {
        return (yield* this.exactly(end + mark.length)).toString('latin1', 0, end);
      }
      yield;
    }
  }

  *exactly(size) {
    while (this.#size < size) {
      yield;
    }
    const bytes = this.#joined();
    this.#pieces = size < bytes.length ? [bytes.subarray(size)] : [];
    this.#size -= size;
    return bytes.subarray(0, size);
  }

  #joined() {
    if (this.#pieces.length !== 1) {
      this.#pieces = [Buffer.concat(this.#pieces)];
    }
    return this.#pieces[0];
  }
}

function* readAnswer(received) {
  for (;;) {
    const [first, ...lines] = (yield* received.until('\r\n\r\n')).split('\r\n');
    const [version, status] = first.split(' ');
    const headers = Object.fromEntries(lines.map(parseField));
    if (Number(status) >= FIRST_FINAL) {
      const isLast = version === 'HTTP/1.0' || headers.connection?.toLowerCase() === 'close';
      const body = (yield* readBody(received, headers)).toString();
      return { status: Number(status), headers, body, isLast };
    }
  }
}

function parseField(line) {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function* readBody(received, headers) {
  if (headers['transfer-encoding'] === undefined) {
    return yield* received.exactly(Number(headers['content-length'] ?? 0));
  }
  const chunks = [];
  for (;;) {
    const size = Number.parseInt(yield* received.until('\r\n'), 16);
    if (!(size > 0)) {
      break;
    }
    chunks.push(yield* received.exactly(size));
    yield* received.until('\r\n');
  }
  while ((yield* received.until('\r\n')) !== '') {
    // a trailer, which tells a runtime nothing
  }
  return Buffer.concat(chunks);
}

module.exports = { Connection };
