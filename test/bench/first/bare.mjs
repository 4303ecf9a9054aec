/** A whole program: Node starts one bare Python through execa, with the imports that a worker of ours has, and is answered. */
import { execa } from 'execa';

const [, , python, imports] = process.argv;
const program = `
import ${imports}
import os
while line := os.read(3, 65536):
    a, b = map(int, line.split())
    os.write(3, b'%d\\n' % (a + b))
`;
const imported = performance.now();
const child = execa(python, ['-I', '-c', program], {
  buffer: false,
  stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
});
const line = child.stdio[3];
line.write('1 2\n');
const [answer] = await new Promise((resolve) => line.once('data', (chunk) => resolve(String(chunk).split('\n'))));
const answered = performance.now();
if (answer !== '3') throw new Error(`the answer was ${answer}`);
console.log(JSON.stringify({ answeredMs: answered, fromCreateMs: answered - imported }));
line.end();
await child;
