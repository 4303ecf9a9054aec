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
The target is a module, a colon and a function: a path (app.py:double, ./package:load) or a dotted name
(statistics:mean). Any public function can be called; with --expose marked only those with @expose.

Arguments are one JSON array, keyword arguments one JSON object:
  $ pythonarium call math:hypot '[3, 4]'
  5
  $ pythonarium call textwrap:shorten '["hello big world", 11]' --kwargs '{"placeholder": " ~"}'
  "hello big ~"
  $ pythonarium call app.py:train --timeout 10m

Each item of a generator is one line, written as it comes; Ctrl-C closes it:
  $ pythonarium call app.py:rows | head -3

On a terminal a bar shows what the function tells by pythonarium.progress(done, total, note).
What Python prints goes to standard error, so that the result can be piped: pythonarium call ... | jq .
A failure is told with its code (ERR_PYTHON, ERR_WORKER_DIED, ...) and Python's traceback. What JSON cannot tell
faithfully is refused with ERR_VALUE and never rounded: arguments that are integers beyond 2^53, results that are
NaN or bytes. An integer in a result has all its digits.
`,
  map: `
Each line of the input is one JSON value and the single argument of one call; each result is one line.
The target is written as for call: app.py:embed, statistics:mean.

  $ pythonarium map app.py:embed < texts.ndjson > vectors.ndjson
  $ seq 5 | pythonarium map math:factorial --size 2
  $ tail -f events.ndjson | pythonarium map app.py:score --unordered

Without --keep-going the first line that fails ends the run: the results before it are written, the failure is
told, and the exit code is 1. With it, each failure is one line of JSON on standard error, and the rest go on:
  {"line":3,"code":"ERR_PYTHON","message":"ValueError: ...","traceback":"Traceback ..."}

The input is read no faster than results are taken, so any length of it will do. Blank lines, lines that are
no JSON, and integers beyond 2^53 fail with ERR_VALUE: nothing is passed over, and nothing is rounded.

With standard error on a terminal and standard output elsewhere, a bar shows how far it is, and what running lines
tell by pythonarium.progress(done, total, note).
`,
  types: `
Writes app.py.d.ts beside app.py, for createPool<typeof import('./app.py.js')>({ module: './app.py' }).
The sources are read by the Python that the pool would use, and nothing of them is run.

  $ pythonarium types app.py
  app.py.d.ts: 3 to call
  $ pythonarium types app.py --check
  $ pythonarium types app.py --watch
  $ pythonarium types statistics --expose all --out statistics.py.d.ts
  $ pythonarium types app=app.py stats=statistics --expose all --out api.d.ts

What has no hint is unknown, and a warning on standard error names its file and line. With --check nothing is
written: the exit code is 1 if the file is stale, and the command that writes it is told.
`,
  doctor: `
Says which Python the workers would run on and why, whether a worker starts and answers, and what to do
about whatever is wrong. The exit code is 1 if something keeps a pool from starting.

  $ pythonarium doctor
  $ pythonarium doctor --python .venv/bin/python
`,
} as const;
