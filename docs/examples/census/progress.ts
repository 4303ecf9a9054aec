import { SingleBar } from 'cli-progress';

/** Shows on standard error how far a run is: a bar on a terminal, elsewhere a line now and then. */
export interface Progress {
  /** One more file is done. */
  step(): void;
  stop(): void;
}

/** @param files How many there are, or `undefined` for a run that does not tell how far it is. */
export function startProgress(by: string, files: number | undefined): Progress {
  const startedAt = performance.now();
  const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  const far = (done: number) => (files === undefined ? '' : `${count(done)} of ${count(files)} files  `);
  return process.stderr.isTTY ? startBar(by, files, far, elapsed) : startLines(by, far, elapsed);
}

/** A number as people read it: 1,790. */
export function count(number: number): string {
  return number.toLocaleString('en-US');
}

function startBar(
  by: string,
  files: number | undefined,
  far: (done: number) => string,
  elapsed: () => string,
): Progress {
  const bar = new SingleBar({
    stream: process.stderr,
    // A bar that is interrupted must not leave the terminal without wrapping.
    linewrap: true,
    // The time goes on while no file is finished.
    forceRedraw: true,
    format: (_, { progress, value }) => {
      const full = Math.round(progress * BAR_CHARS);
      const drawn = files === undefined ? '' : `${'━'.repeat(full)}${' '.repeat(BAR_CHARS - full)}  `;
      return `${by.padEnd(BY_CHARS)}  ${drawn}${far(value)}${elapsed()}`;
    },
  });
  bar.start(files ?? 1, 0);
  return { step: () => bar.increment(), stop: () => bar.stop() };
}

function startLines(by: string, far: (done: number) => string, elapsed: () => string): Progress {
  const report = () => process.stderr.write(`${by.padEnd(BY_CHARS)}  ${far(done)}${elapsed()}\n`);
  let done = 0;
  const timer = setInterval(report, LINE_EVERY_MS);
  return {
    step: () => {
      done += 1;
    },
    stop: () => {
      clearInterval(timer);
      report();
    },
  };
}

const BY_CHARS = 13;
const BAR_CHARS = 24;
const LINE_EVERY_MS = 2_000;
