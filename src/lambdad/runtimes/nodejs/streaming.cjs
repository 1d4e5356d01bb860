// Responses that stream: of a handler that is marked so, everything that it writes is sent at once.
//
//     export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
//       stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200 });
//       stream.write('<p>text</p>');
//       stream.end();
//     });
//
// The names, and the symbols that mark a handler, are AWS's.

'use strict';

const { Writable } = require('node:stream');
const { types } = require('node:util');

const { INVALID_STREAMING_OPERATION, fault } = require('./errors.cjs');

const MODE = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const STREAMED = 'response';
const HTTP_INTEGRATION = 'application/vnd.awslambda.http-integration-response';
const BYTES = 'application/octet-stream';
const END_OF_PRELUDE = new Uint8Array(8);

class HttpResponseStream {
  /** `stream`, with what a function URL answers with ahead of the body. */
  static from(stream, prelude) {
    stream.setContentType(HTTP_INTEGRATION);
    stream._onBeforeFirstWrite = (write) => {
      write(JSON.stringify(prelude));
      write(END_OF_PRELUDE);
    };
    return stream;
  }
}

/** The global `awslambda`. */
const awslambda = {
  /** Mark a handler as one that writes its response. */
  streamifyResponse(handler, options) {
    handler[MODE] = STREAMED;
    if (options?.highWaterMark !== undefined) {
      handler[HIGH_WATER_MARK] = Number.parseInt(options.highWaterMark, 10);
    }
    return handler;
  },
  HttpResponseStream,
};

/** Whether a handler writes its response. */
function isStreaming(handler) {
  return handler[MODE] === STREAMED;
}

/** The stream that a handler writes to. What it writes goes to what `open` gives for a content
 * type, which is called when there is something to send. */
function responseOf(handler, open) {
  const highWaterMark = handler[HIGH_WATER_MARK];
  let contentType = BYTES;
  let outgoing = null;

  const begin = () => {
    const ahead = [];
    stream._onBeforeFirstWrite?.((piece) => ahead.push(Buffer.from(piece)));
    outgoing = open(contentType);
    return Buffer.concat(ahead);
  };
  const send = (piece, done) => {
    if (outgoing !== null) {
      outgoing.write(piece, done);
      return;
    }
    const ahead = begin();
    outgoing.write(ahead, () => outgoing.write(piece, done));
  };

  const stream = new Writable({
    highWaterMark: highWaterMark > 0 ? highWaterMark : undefined,
    write: (piece, _, done) => send(piece, done),
    writev: (waiting, done) => send(Buffer.concat(waiting.map(({ chunk }) => chunk)), done),
    final: (done) => (outgoing === null ? send(Buffer.alloc(0), done) : done()),
  });
  const isOver = new Promise((resolve, reject) => {
    stream.on('finish', resolve);
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('The response stream was destroyed')));
  });
  isOver.catch(() => {}); // whoever waits for it is told

  const { write, end } = stream;
  stream.write = (piece, ...rest) => write.call(stream, toBytes(piece), ...rest);
  stream.end = (piece, ...rest) => {
    const hasPiece = piece !== undefined && piece !== null && typeof piece !== 'function';
    return end.call(stream, hasPiece ? toBytes(piece) : piece, ...rest);
  };
  stream.setContentType = (type) => {
    if (outgoing !== null) {
      const message = 'The content type is settled: the response has begun.';
      throw fault(INVALID_STREAMING_OPERATION, message);
    }
    contentType = type;
  };

  return {
    stream,
    isOver,
    /** What it is sent with; null as long as nothing is sent. */
    outgoing: () => outgoing,
  };
}

/** Text and bytes stay what they are, anything else becomes JSON. */
function toBytes(piece) {
  if (typeof piece === 'string' || types.isUint8Array(piece)) {
    return piece;
  }
  return JSON.stringify(piece);
}

module.exports = { awslambda, isStreaming, responseOf };
