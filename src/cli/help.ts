/** What stands under the help of the program and of each command: examples that can be tried as they stand. */
export const HELP = {
  program: `
Try it:
  $ pythonarium call statistics:mean '[[1, 2, 6]]'
  3
  $ printf '%s\\n' 16 25 '"x"' | pythonarium map math:sqrt --keep-going
  4
  5
  {"line":3,"code":"ERR_PYTHON","message":"TypeError: must be real number, not str", ...}
  $ pythonarium types app.py
  $ pythonarium doctor

Results go to standard output, one JSON value a line; everything else goes to standard error.
Exit codes: 0 all went well, 1 something failed, 2 the command was not understood, 130 ended by Ctrl-C.
`,
  call: `
  $ pythonarium call math:hypot '[3, 4]'
  5
  $ pythonarium call textwrap:shorten '["hello big world", 11]' --kwargs '{"placeholder": " ~"}'
  "hello big ~"
  $ pythonarium call app.py:train --timeout 10m
  $ pythonarium call app.py:rows | head -3

The target is a path (app.py:double, ./package:load) or a dotted name (statistics:mean). Any public function
can be called; with --expose marked only those with @expose.

Each item of a generator is one line, written as it comes; Ctrl-C closes it. On a terminal a bar shows what the
function tells by pythonarium.progress(done, total, note).

A failure is told with its code (ERR_PYTHON, ERR_WORKER_DIED, ...) and Python's traceback. What JSON cannot tell
faithfully is refused with ERR_VALUE and never rounded: arguments that are integers beyond 2^53, results that are
NaN or bytes. An integer in a result has all its digits.
`,
  map: `
  $ pythonarium map app.py:embed < texts.ndjson > vectors.ndjson
  $ seq 5 | pythonarium map math:factorial --size 2
  $ tail -f events.ndjson | pythonarium map app.py:score --unordered

Each line of the input is one JSON value and the single argument of one call; each result is one line. The target
is written as for call.

Without --keep-going the first line that fails ends the run: the results before it are written, the failure is
told, and the exit code is 1. With it, each failure is one line of JSON on standard error, and the rest go on:
  {"line":3,"code":"ERR_PYTHON","message":"ValueError: ...","traceback":"Traceback ..."}

The input is read no faster than results are taken, so any length of it will do. Blank lines, lines that are
no JSON, and integers beyond 2^53 fail with ERR_VALUE: nothing is passed over, and nothing is rounded.

With standard error on a terminal and standard output elsewhere, a bar shows how far it is, and what running lines
tell by pythonarium.progress(done, total, note).
`,
  types: `
  $ pythonarium types app.py
  app.py.d.ts: 3 to call
  $ pythonarium types app.py --check
  $ pythonarium types app.py --watch
  $ pythonarium types statistics --expose all --out statistics.py.d.ts
  $ pythonarium types app=app.py stats=statistics --expose all --out api.d.ts

app.py.d.ts is for createPool<typeof import('./app.py.js')>({ module: './app.py' }).

What has no hint is unknown, and a warning on standard error names its file and line. With --check nothing is
written: the exit code is 1 if the file is stale, and the command that writes it is told.
`,
  doctor: `
  $ pythonarium doctor
  $ pythonarium doctor --python .venv/bin/python

The exit code is 1 if something keeps a pool from starting.
`,
} as const;
