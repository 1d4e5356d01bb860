// Finds the function's handler by its name: `file.export`, `dir/file.export`, `file.a.b`.

'use strict';

const { existsSync, readFileSync, statSync } = require('node:fs');
const { createRequire } = require('node:module');
const { basename, dirname, join, resolve } = require('node:path');
const { pathToFileURL } = require('node:url');

const errors = require('./errors.cjs');
const { fault } = require('./errors.cjs');

const AWAITS = 'ERR_REQUIRE_ASYNC_MODULE';
// Some versions warn of it, unless a package does it.
const requireEsModule = createRequire(join(__dirname, 'node_modules', 'lambdad', 'handler.cjs'));
const FILE_AND_EXPORT = /^([^.]*)\.(.*)$/s;

/** Load the module and take the function out of it. */
async function load(name, root) {
  const [directory, file, exported] = parse(name);
  const module = await loadModule(root, directory, file);
  const handler = exported.split('.').reduce((value, key) => value?.[key], module);
  if (!handler) {
    throw fault(errors.HANDLER_NOT_FOUND, `${name} is undefined or not exported`);
  }
  if (typeof handler !== 'function') {
    throw fault(errors.HANDLER_NOT_FOUND, `${name} is not a function`);
  }
  return handler;
}

function parse(name) {
  if (name.includes('..')) {
    const message = `'${name}' is no handler: its path may not have two dots in a row`;
    throw fault(errors.MALFORMED_HANDLER_NAME, message);
  }
  const last = basename(name);
  const match = FILE_AND_EXPORT.exec(last);
  if (match === null) {
    throw fault(errors.MALFORMED_HANDLER_NAME, 'Bad handler');
  }
  return [name.slice(0, name.lastIndexOf(last)), match[1], match[2]];
}

async function loadModule(root, directory, file) {
  try {
    return await loadFile(root, directory, file);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw fault(errors.USER_CODE_SYNTAX_ERROR, String(error));
    }
    if (error?.code === 'MODULE_NOT_FOUND') {
      throw fault(errors.IMPORT_MODULE_ERROR, String(error));
    }
    throw error;
  }
}

/** The first file that there is; else what Node.js itself finds under the name. */
function loadFile(root, directory, file) {
  const path = resolve(root, directory, file);
  if (existsSync(`${path}.js`)) {
    return isEsModule(path) ? importFile(`${path}.js`) : require(`${path}.js`);
  }
  if (existsSync(`${path}.mjs`)) {
    return importFile(`${path}.mjs`);
  }
  if (existsSync(`${path}.cjs`)) {
    return require(`${path}.cjs`);
  }
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) {
    return require(path);
  }
  return require(require.resolve(file, { paths: [root, join(root, directory)] }));
}

/** An ES module. Where Node.js can, it is required: to import it would wait for threads that read
 * it, for longer than all the rest of a start takes. One that awaits something cannot be. */
function importFile(path) {
  if (process.features.require_module) {
    try {
      return requireEsModule(path);
    } catch (error) {
      if (error?.code !== AWAITS) {
        throw error;
      }
    }
  }
  return import(pathToFileURL(path).href);
}

/** Whether the nearest package.json says that its .js files are ES modules. */
function isEsModule(path) {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    if (basename(directory) === 'node_modules') {
      return false;
    }
    const description = join(directory, 'package.json');
    if (existsSync(description)) {
      return typeOf(description) === 'module';
    }
    if (directory === dirname(directory)) {
      return false;
    }
  }
}

function typeOf(description) {
  try {
    return JSON.parse(readFileSync(description, 'utf8'))?.type;
  } catch {
    return undefined; // Node.js will say what is wrong with it
  }
}

module.exports = { load };
