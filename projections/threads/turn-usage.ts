import type { EventShape, EventStore } from '../../eventstore/index.ts';
import { commands } from '../../memory/keys.ts';

/** What model calls came to. */
export interface ModelUsage {
  /** In and out; estimated where the server counted none. */
  readonly tokens: number;
  /** US dollars, by the prices of the agent that called; 0 where it has none. */
  readonly costUsd: number;
}

/** What a turn used. */
export interface TurnUsage extends ModelUsage {
  /** The part of it that turns of other agents used, which it waited for. */
  readonly children: ModelUsage;
}

type Commands = Pick<EventStore<EventShape>, 'readCommand'>;

/** The parts of what is stored with a step's command and with that of a sub-agent's call. */
interface RecordedStep {
  readonly spent?: ModelUsage;
  readonly calls?: readonly { readonly ordinal: number; readonly child?: { readonly waits: boolean } }[];
}
interface RecordedCall {
  readonly used?: ModelUsage;
}

/**
 * Reads what a turn has used from what was recorded with its steps, and with the calls by which it asked other agents.
 * @param steps numbers of its steps, in order
 */
export async function readTurnUsage(
  store: Commands,
  tenant: string,
  { turn, steps }: { readonly turn: string; readonly steps: readonly number[] },
): Promise<TurnUsage> {
  const last = steps.at(-1);
  if (last === undefined) return { tokens: 0, costUsd: 0, children: { tokens: 0, costUsd: 0 } };
  const [recorded, ...children] = await Promise.all([
    store.readCommand(tenant, commands.step(turn, last)),
    ...steps.map((step) => readChildrenUsage(store, tenant, { turn, step })),
  ]);
  // What was counted at a step holds all that came before it; what its own calls used came after.
  const { spent = { tokens: 0, costUsd: 0 } } = (recorded?.result ?? {}) as RecordedStep;
  return { ...addUsage(spent, children.at(-1) ?? nothing), children: children.reduce(addUsage, nothing) };
}

/** What turns of other agents used, by the calls of one step that waited for them and have ended. */
export async function readChildrenUsage(
  store: Commands,
  tenant: string,
  { turn, step }: { readonly turn: string; readonly step: number },
): Promise<ModelUsage> {
  const asked = ((await store.readCommand(tenant, commands.step(turn, step)))?.result ?? {}) as RecordedStep;
  const calls = (asked.calls ?? []).filter(({ child }) => child?.waits);
  const ends = await Promise.all(
    calls.map(({ ordinal }) => store.readCommand(tenant, commands.tool(turn, step, ordinal))),
  );
  return ends.map((end) => ((end?.result ?? {}) as RecordedCall).used ?? nothing).reduce(addUsage, nothing);
}

/** Adds what was used. */
export function addUsage(a: ModelUsage, b: ModelUsage): ModelUsage {
  // A billionth of a dollar is enough, and sums stay readable.
  return { tokens: a.tokens + b.tokens, costUsd: Number((a.costUsd + b.costUsd).toFixed(9)) };
}

const nothing: ModelUsage = { tokens: 0, costUsd: 0 };
