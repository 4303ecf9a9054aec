/** What one import costs a program that has imported nothing else. */
const before = process.memoryUsage().rss;
const start = performance.now();
await import(process.argv[2]);
const tookMs = performance.now() - start;
console.log(JSON.stringify({ tookMs, mb: (process.memoryUsage().rss - before) / 2 ** 20 }));
