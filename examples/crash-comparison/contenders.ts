import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import type { Arena } from '../../chaos/arena.ts';
import { tenants } from '../../chaos/arena.ts';
import { killWorker } from '../../chaos/workers.ts';
import type { Ask } from './scenario.ts';

/** One memory under test. */
export interface Contender {
  readonly name: string;
  /** Starts its worker process and waits until it takes turns. */
  start(): Promise<void>;
  /** Asks for a turn and waits for its reply. Rejects when the worker dies before. */
  ask(ask: Ask): Promise<void>;
  /** Kills its worker process. False: it was gone before. */
  kill(): Promise<boolean>;
  /** The text of every memory that is there now. */
  stored(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Holdfast: the killed process is its worker, the client asks for the same turn again. */
export async function holdfast(arena: Arena): Promise<Contender> {
  const client = await arena.connect(tenants.own);
  return {
    name: 'Holdfast',
    start: () => arena.workers.refill(1),
    ask: async ({ turn, user, message }) => {
      const { status } = await client.turns.send(
        { turn, user, thread: turn, agent: 'shopper', message },
        { timeoutMs: 15_000 },
      );
      if (status !== 'completed') throw new Error(`The turn is ${status}.`);
    },
    kill: async () => {
      const [worker] = arena.workers.running();
      return worker !== undefined && killWorker(worker);
    },
    stored: () => readTexts(arena.postgres.adminUrl, 'select content as text from holdfast.fact where to_pos is null'),
    stop: () => client.close(),
  };
}

/** A program of this folder, in a process of its own with a database of its own; `sql` reads the texts of its memories. */
export async function program(arena: Arena, name: string, file: string, sql: string): Promise<Contender> {
  const database = file.replace(/\W/g, '_');
  await arena.query(`create database ${database}`);
  const url = new URL(arena.postgres.adminUrl);
  url.pathname = database;
  let child: ReturnType<typeof run> | undefined;
  return {
    name,
    start: async () => {
      if (child) return;
      const started = run(join(import.meta.dirname, file), { DATABASE_URL: url.href, MODEL_URL: arena.model.url });
      child = started;
      void started.exited.then(() => (child = undefined));
      await started.next();
    },
    ask: async (ask) => {
      if (!child) throw new Error('The worker does not run.');
      child.write(ask);
      await child.next();
    },
    kill: async () => {
      const killed = child?.kill() ?? false;
      await child?.exited;
      return killed;
    },
    stored: () => readTexts(url.href, sql),
    stop: async () => {
      child?.end();
      await child?.exited;
    },
  };
}

/** The checker's own look at a database. */
async function readTexts(url: string, sql: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<{ text: string }>(sql)).rows.map(({ text }) => text);
  } finally {
    await client.end();
  }
}

/** Runs a program that speaks lines of JSON. */
function run(file: string, environment: Record<string, string>) {
  const child = spawn(process.execPath, [file], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.on('error', () => undefined);
  return {
    exited: once(child, 'exit'),
    write: (ask: Ask) => child.stdin.write(`${JSON.stringify(ask)}\n`),
    next: async (): Promise<void> => {
      if ((await lines.next()).done === true) throw new Error('The worker died.');
    },
    kill: () => child.kill('SIGKILL'),
    end: () => child.stdin.end(),
  };
}
