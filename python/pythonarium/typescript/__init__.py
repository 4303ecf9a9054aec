"""TypeScript declarations from Python's hints and docstrings. Sources are read, and nothing of them is run.

Started by `pythonarium types` in a process of its own, and never imported by a worker.
"""
