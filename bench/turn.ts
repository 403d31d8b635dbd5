import { parseArgs } from 'node:util';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import pg from 'pg';
import { openLocalStack } from '../cli/local-stack.ts';
import { loadConfig } from '../config/config.ts';
import { createOpenAiModel } from '../llm/openai-model.ts';
import { openLangGraph } from './langgraph-turn.ts';
import { inTurns, median, rate, rounded } from './measure.ts';
import { startStubModel } from './stub-model.ts';
import { openTurnRig } from './turn-rig.ts';

/**
 * A turn (message into the log, retrieval, model over HTTP that answers at once, commit, reply by update) against bare Temporal
 * workflows with one and three empty activities, in turns on one server; then one long thread beside LangGraph with its PostgreSQL
 * saver; a turn with a hundred large tool results; and replies with a slow extraction behind them. Ratios are what counts.
 */
const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    turns: { type: 'string', default: '60' },
    thread: { type: 'string', default: '400' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
  },
});
const count = (name: 'turns' | 'thread' | 'seconds' | 'rounds', least: number): number => {
  const value = Number(options[name]);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name} must be a whole number of at least ${least}; it is ${options[name]}.`);
};
const [turns, long, seconds, rounds] = [
  count('turns', 10),
  count('thread', 60),
  count('seconds', 1),
  count('rounds', 1),
];
const say = (line: string): void => console.error(`  … ${line}`);

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
const stack = await openLocalStack({ config: loadConfig(), onProgress: say });
await using stub = await startStubModel();
const rig = await openTurnRig(stack, stub);
try {
  let serial = 0;
  const next = (what: string): string => `${what}-${(serial += 1)}`;

  say('one at a time');
  const one: Record<'turn' | 'bare1' | 'bare3' | 'extracting', number[]> = {
    turn: [],
    bare1: [],
    bare3: [],
    extracting: [],
  };
  for (let n = -5; n < turns; n += 1) {
    const id = next('e');
    const took = {
      bare1: await rig.bare(next('b'), 1),
      turn: await rig.turn('one', next('t')),
      bare3: await rig.bare(next('b'), 3),
      extracting: await rig.turn('two', id, { agent: 'extracting' }),
    };
    await rig.ended(id);
    if (n < 0) continue;
    for (const name of ['turn', 'bare1', 'bare3', 'extracting'] as const) one[name].push(took[name]);
  }
  const { events: eventsPerTurn } = await rig.history('t-3');

  say('16 and 64 threads');
  const rates = await inTurns(rounds, {
    turn16: () => rate(16, seconds * 1000, (n) => rig.turn(`r16-${n}`, next('t'))),
    bare16: () => rate(16, seconds * 1000, () => rig.bare(next('b'), 1)),
    turn64: () => rate(64, seconds * 1000, (n) => rig.turn(`r64-${n}`, next('t'))),
    bare64: () => rate(64, seconds * 1000, () => rig.bare(next('b'), 1)),
  });

  say('replies with an extraction of 30 s behind them');
  stub.behaviour.extractionMs = 30_000;
  const slow: number[] = [];
  for (let n = 0; n < 10; n += 1) slow.push(await rig.turn(`slow-${n}`, next('s'), { agent: 'extracting' }));
  stub.behaviour.extractionMs = 0;

  say('a turn with 100 tool calls of 200 KB');
  Object.assign(stub.behaviour, { toolSteps: 10, callsPerStep: 10 });
  const tools = next('tools');
  await rig.turn('tools', tools, { agent: 'tools', timeoutMs: 300_000 });
  const { bytes: toolBytes } = await rig.history(tools);
  Object.assign(stub.behaviour, { toolSteps: 0, callsPerStep: 0 });

  say(`a thread of ${long} turns of 1 KB, beside LangGraph's`);
  stub.behaviour.reply = prose(1, 512);
  const ours = await grow(rig.admin, (n) => rig.turn('long', next('l'), { message: prose(n, 512) }));
  const peerUrl = await rig.createDatabase('langgraph');
  const peerAdmin = new pg.Pool({ connectionString: peerUrl, max: 1 });
  const peer = await openLangGraph(
    peerUrl,
    createOpenAiModel({ baseUrl: stub.url, apiKey: 'none', timeoutMs: 60_000 }),
  );
  const theirs = await grow(peerAdmin, async (n) => {
    const started = performance.now();
    await peer.run('long', prose(n, 512));
    return performance.now() - started;
  });
  await peer.close();
  await peerAdmin.end();

  const p50 = {
    turn: median(one.turn),
    bare1: median(one.bare1),
    bare3: median(one.bare3),
    extracting: median(one.extracting),
  };
  const figures = {
    p50_ratio_1_activity: rounded(p50.turn / p50.bare1),
    p50_ratio_3_activities: rounded(p50.turn / p50.bare3),
    rate_ratio_16: rounded(rates.turn16 / rates.bare16),
    rate_ratio_64: rounded(rates.turn64 / rates.bare64),
    events_per_turn: eventsPerTurn,
    history_kb_100_tools: rounded(toolBytes / 1024),
    reply_ratio_slow_extraction: rounded(median(slow) / p50.extracting),
    turn_growth_400: rounded(ours.late.ms / ours.early.ms),
    bytes_per_turn_growth_400: rounded(ours.late.bytes / ours.early.bytes),
    langgraph_ratio_turn_400: rounded(ours.late.ms / theirs.late.ms),
    langgraph_growth_400: rounded(theirs.late.ms / theirs.early.ms),
    milliseconds: {
      turn: rounded(p50.turn),
      turn_with_extraction: rounded(p50.extracting),
      bare_1_activity: rounded(p50.bare1),
      bare_3_activities: rounded(p50.bare3),
      turn_20: rounded(ours.early.ms),
      turn_400: rounded(ours.late.ms),
      langgraph_20: rounded(theirs.early.ms),
      langgraph_400: rounded(theirs.late.ms),
    },
    per_second: Object.fromEntries(Object.entries(rates).map(([name, value]) => [name, rounded(value)])),
    kb_per_turn: {
      turn_20: rounded(ours.early.bytes / 1024),
      turn_400: rounded(ours.late.bytes / 1024),
      langgraph_20: rounded(theirs.early.bytes / 1024),
      langgraph_400: rounded(theirs.late.bytes / 1024),
    },
  };
  if (!options.json) console.log(figures);
  console.log(JSON.stringify({ command: 'bench:turn', ok: true, figures }));
} finally {
  await rig.close();
  await stack.stop();
}

/** Runs a long thread; gives the median time and the bytes written to disk per turn around its 20th and at its last turns. */
async function grow(
  database: pg.Pool,
  turn: (n: number) => Promise<number>,
): Promise<Record<'early' | 'late', { readonly ms: number; readonly bytes: number }>> {
  const times: number[] = [];
  const sizes: number[] = [];
  for (let n = 0; n < long; n += 1) {
    sizes.push(await size(database));
    times.push(await turn(n));
  }
  sizes.push(await size(database));
  const between = (from: number, to: number) => ({
    ms: median(times.slice(from, to)),
    bytes: ((sizes[to] ?? 0) - (sizes[from] ?? 0)) / (to - from),
  });
  return { early: between(10, 50), late: between(long - 40, long) };
}

async function size(database: pg.Pool): Promise<number> {
  const { rows } = await database.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes');
  return Number(rows[0]?.bytes);
}

function prose(n: number, length: number): string {
  return `Number ${n}: I moved to Lisbon in March, and please remember that I prefer SMS to calls. `
    .repeat(8)
    .slice(0, length);
}
