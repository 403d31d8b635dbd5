import { parseArgs } from 'node:util';
import { startDemoModel } from './server.ts';

// The demo model as a process of its own: `node llm/demo-model/main.ts --port 4010 [--latency-ms 20]`.
const USAGE = 'Usage: node llm/demo-model/main.ts [--port 0-65535] [--latency-ms 0-60000]';

try {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '0' }, 'latency-ms': { type: 'string', default: '0' } },
  });
  const port = wholeNumber('--port', values.port, 65_535);
  const latencyMs = wholeNumber('--latency-ms', values['latency-ms'], 60_000);
  const demo = await startDemoModel({ port, latencyMs });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      void demo.close().then(() => process.exit(0));
    });
  }
  console.log(`demo model listening on ${demo.url}`);
} catch (error) {
  const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  console.error(
    isTaken ? 'demo model: the port is taken. Give another one with --port.' : `demo model: ${String(error)}`,
  );
  if (!isTaken) console.error(USAGE);
  process.exitCode = 1;
}

function wholeNumber(option: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new RangeError(`${option} must be a whole number from 0 to ${String(most)}, but "${text}" was given.`);
}
