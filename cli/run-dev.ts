import { setTimeout as delay } from 'node:timers/promises';
import { styleText } from 'node:util';
import { loadConfig, usesDemoModel } from '../config/config.ts';
import type { Child } from '../stack/child-process.ts';
import { invocation } from './invocation.ts';
import { describeModel, openLocalStack } from './local-stack.ts';
import type { LocalStack } from './local-stack.ts';

/** Starts the stack of this folder and keeps its worker up, until a signal comes. Throws what starting it throws. */
export async function runDev(): Promise<void> {
  const config = loadConfig();
  const say = (line: string): void => console.error(styleText('dim', `  ${line}`));
  const stopping = new AbortController();
  const onSignal = (): void => stopping.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);

  const stack = await openLocalStack({ config, onProgress: say });
  if (!stack.owned) {
    banner(stack, config);
    console.error('It runs in another terminal; Ctrl-C there ends it.');
    return;
  }
  let worker: Child | undefined;
  try {
    // A worker that dies comes back, as it would under any process supervisor: its turns go on where they were.
    while (!stopping.signal.aborted) {
      worker = await stack.startWorker({ taskQueue: config.temporal.taskQueue, tenant: config.tenant });
      await stack.recordWorker(worker);
      banner(stack, config, worker);
      const stopped = new Promise<'stop'>((resolve) =>
        stopping.signal.addEventListener('abort', () => resolve('stop'), { once: true }),
      );
      const ended = await Promise.race([worker.exited, stopped]);
      if (ended === 'stop') break;
      say(`the worker ended (${ended.signal ?? `exit code ${ended.code}`}); starting it again`);
      await delay(500);
    }
  } finally {
    say('stopping');
    await worker?.stop();
    await stack.stop();
    say('nothing is left running');
  }
}

function banner(stack: LocalStack, config: ReturnType<typeof loadConfig>, worker?: Child): void {
  const rows = [
    ['Temporal', stack.temporalAddress],
    ['Temporal UI', stack.temporalUi ?? '—'],
    ['PostgreSQL', stack.databaseUrl.replace(/:[^:@/]*@/, ':***@')],
    ['model', describeModel(config, stack)],
    ...(worker
      ? [['worker', `process ${worker.pid}, task queue ${config.temporal.taskQueue}, tenant ${config.tenant}`]]
      : []),
  ];
  console.log(`\n${styleText('bold', 'Holdfast is up')}`);
  for (const [name, value] of rows) console.log(`  ${(name ?? '').padEnd(12)} ${value ?? ''}`);
  if (usesDemoModel(config))
    console.log(`  ${''.padEnd(12)} set OPENAI_API_KEY or OPENAI_BASE_URL, and HOLDFAST_MODEL, for a real one`);
  console.log(
    `\n  ${invocation} send my-thread "Hello, I am Ana and I prefer SMS."\n  ${invocation} chat\n\nCtrl-C ends everything.`,
  );
}
