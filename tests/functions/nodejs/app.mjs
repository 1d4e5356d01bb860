// Does what its event says, {"do": …}: the same in every language.

import { execFile } from "node:child_process";
import { lookup } from "node:dns/promises";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { rootCertificates } from "node:tls";
import { promisify } from "node:util";

class NoSuchLuck extends Error {
  name = "NoSuchLuck";
}

const PIECE = 8 << 20;
const run = promisify(execFile);
const require = createRequire(import.meta.url);
const held = [];
let count = 0;

export const handler = async (event, context) => {
  count += 1;
  return DEEDS[event.do](event, context);
};

export const stream = awslambda.streamifyResponse(async (event, response) => {
  for (let i = 0; i < event.times; i++) event.pieces.forEach((piece) => response.write(piece));
  response.end();
});

const tell = (event, context) => ({
  request_id: context.awsRequestId,
  function_name: context.functionName,
  version: context.functionVersion,
  arn: context.invokedFunctionArn,
  memory: context.memoryLimitInMB,
  log_group: context.logGroupName,
  log_stream: context.logStreamName,
  remaining_ms: context.getRemainingTimeInMillis(),
});

function troublemaker(message) {
  throw new RangeError(message);
}

function failInAWayOfItsOwn({ message }) {
  throw new NoSuchLuck(message);
}

async function sleep({ ms }) {
  await new Promise((done) => setTimeout(done, ms));
  return "slept";
}

function allocate({ mb }) {
  while (held.length * PIECE < mb << 20) held.push(Buffer.alloc(PIECE, 1));
  return "held";
}

function printLines({ lines }) {
  for (const line of lines) process.stdout.write(`${line}\n`);
  return "printed";
}

function log({ level, message }) {
  console[level](message);
  return "logged";
}

async function useFiles() {
  await writeFile("/tmp/written", "ë");
  return { tmp: (await readFile("/tmp/written", "utf8")) === "ë", task: await errorInTaskRoot() };
}

async function errorInTaskRoot() {
  try {
    await writeFile(`${process.env.LAMBDA_TASK_ROOT}/written`, "");
  } catch (error) {
    return error.code;
  }
  return null;
}

const tellTheTime = () => ({
  zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  hour_offset: -new Date().getTimezoneOffset(),
});

const tellEncoding = ({ text }) => ({
  encoding: Buffer.from("ë").length === 2 ? "utf8" : "another",
  length: [...text].length,
});

async function resolve({ host }) {
  try {
    return (await lookup(host, { family: 4 })).address;
  } catch (error) {
    return { error: error.code };
  }
}

async function runChild({ command = "echo $NAME" }) {
  return (await run("/bin/sh", ["-c", command])).stdout.trim();
}

function sayGoodbyeOnSigterm() {
  process.once("SIGTERM", () => {
    process.stdout.write("goodbye\n");
    process.exit(1);
  });
  return "ready";
}

const DEEDS = {
  echo: ({ value }) => value,
  context: tell,
  count: () => count,
  environment: ({ names }) =>
    Object.fromEntries(names.map((name) => [name, process.env[name] ?? null])),
  big: ({ size }) => "x".repeat(size),
  size: ({ text }) => text.length,
  fail: ({ message }) => troublemaker(message),
  custom: failInAWayOfItsOwn,
  sleep,
  allocate,
  exit: ({ status }) => process.exit(status),
  print: printLines,
  log,
  unserializable: () => 10n,
  files: useFiles,
  clock: tellTheTime,
  text: tellEncoding,
  resolve,
  tls: () => rootCertificates.length,
  child: runChild,
  sigterm: sayGoodbyeOnSigterm,
  layer: () => require("luck").word,
};
