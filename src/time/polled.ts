import { nextTurn } from './turn.js';

/**
 * Runs `run` once every descriptor has been asked for what it held at the time of the call: between one turn and the
 * next but one, the loop has asked them all.
 */
export function whenPolled(run: () => void): void {
  nextTurn(() => nextTurn(run));
}
