// Handlers of a Node.js function; the tests choose one by name.

import { readFile } from "node:fs/promises";

let count = 0;
const own = await readFile(new URL(import.meta.url), "utf8"); // top-level await

export const echo = async (event) => event;

export const tell = async (event, context) => {
  count += 1;
  console.log("telling\nin two lines");
  return {
    count,
    isModule: own.includes("isModule"),
    arn: context.invokedFunctionArn,
    requestId: context.awsRequestId,
    name: context.functionName,
    memory: context.memoryLimitInMB,
    remaining: context.getRemainingTimeInMillis(),
    stream: context.logStreamName,
    trace: process.env._X_AMZN_TRACE_ID,
    node: process.version,
    environment: process.env.AWS_EXECUTION_ENV,
  };
};

export const callback = (event, context, answer) => {
  setTimeout(() => answer(null, { answered: event }), 5);
};

export const fail = async () => {
  throw new RangeError("no such luck");
};

export const failLater = (event, context, answer) => {
  setTimeout(() => {
    throw new Error("nobody catches this");
  }, 5);
};

export const hang = () => new Promise(() => setInterval(() => {}, 1000));

export const leave = async () => process.exit(7);

export const stream = awslambda.streamifyResponse(async (event, response) => {
  const body = awslambda.HttpResponseStream.from(response, {
    statusCode: 201,
    headers: { "content-type": "text/plain", "x-from": "node" },
    cookies: ["a=b"],
  });
  for (const piece of ["one ", "two ", "three"]) {
    body.write(piece);
    await new Promise((done) => setTimeout(done, 5));
  }
  if (event.rawPath === "/fail") throw new TypeError("in the middle");
  body.end();
});
