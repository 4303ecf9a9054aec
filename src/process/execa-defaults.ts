import type { Environment } from './environment.js';

/**
 * An environment as execa takes it for what it is: one that looks like a plain object is joined with whatever `env` a
 * polluted `Object.prototype` has.
 */
export function unmixed(environment: Environment): Environment {
  const copy: Record<string, string> = Object.assign(Object.create(null), environment);
  return Object.defineProperty(copy, Symbol.toStringTag, { value: 'Environment' });
}

/**
 * What execa does unless it is told otherwise, said all the same. It copies what it is given into plain objects: what a
 * polluted `Object.prototype` says would count where nothing is said.
 */
export const EXECA_DEFAULTS = Object.freeze({
  shell: false,
  node: false,
  preferLocal: false,
  localDir: undefined,
  nodePath: undefined,
  nodeOptions: undefined,
  input: undefined,
  inputFile: undefined,
  stdin: undefined,
  stdout: undefined,
  stderr: undefined,
  stdio: undefined,
  all: undefined,
  lines: undefined,
  encoding: undefined,
  maxBuffer: undefined,
  stripFinalNewline: undefined,
  ipc: undefined,
  ipcInput: undefined,
  serialization: undefined,
  verbose: undefined,
  timeout: undefined,
  signal: undefined,
  cancelSignal: undefined,
  gracefulCancel: undefined,
  forceKillAfterDelay: undefined,
  killSignal: undefined,
  execPath: undefined,
  argv0: undefined,
  uid: undefined,
  gid: undefined,
  windowsHide: undefined,
  windowsVerbatimArguments: undefined,
}) as object;
