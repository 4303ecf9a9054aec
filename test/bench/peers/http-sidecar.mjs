import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export default {
  name: 'HTTP sidecar',
  kind: 'python over a process border',
  pipelines: true,
  note: "http.server of Python's standard library with TCP_NODELAY and buffered answers, undici on 64 connections",
  async start({ python }) {
    const { Pool } = await import('undici');
    const server = spawn(python, [fileURLToPath(new URL('./http-sidecar.py', import.meta.url))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [port] = await once(server.stdout, 'data');
    const pool = new Pool(`http://127.0.0.1:${Number(port)}`, { connections: 64, pipelining: 1 });
    const post = async (name, type, body) => {
      const { statusCode, body: answer } = await pool.request({
        method: 'POST',
        path: `/${name}`,
        headers: { 'content-type': type },
        body,
      });
      if (statusCode !== 200) throw new Error(`the server said ${statusCode}`);
      return answer;
    };
    return {
      call: async (name, args) => (await post(name, 'application/json', JSON.stringify(args))).json(),
      bytes: async (data) =>
        Buffer.from(await (await post('give_back', 'application/octet-stream', data)).arrayBuffer()),
      close: async () => {
        await pool.destroy();
        server.kill('SIGKILL');
      },
    };
  },
};
