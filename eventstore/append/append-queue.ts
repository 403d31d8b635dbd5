import type { BatchAnswer, FoldedCommand, Outcome } from './append-batch.ts';
import { StoreUnavailableError } from '../errors.ts';

export interface AppendQueueOptions {
  /** Sends one batch of one tenant: all of it is durable when it resolves, or none of it was written. */
  readonly send: (tenant: number, batch: readonly FoldedCommand[]) => Promise<BatchAnswer>;
  /** Most commands of one batch. @default 64 */
  readonly maxCommands?: number;
  /** Most bytes of one batch; a larger command travels alone. @default 4 MiB */
  readonly maxBytes?: number;
}

/** Sends a command, alone or together with others of its tenant. */
export type AppendQueue = (tenant: number, command: FoldedCommand) => Promise<Outcome>;

interface Waiting {
  readonly command: FoldedCommand;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Coalesces appends: a log takes one commit at a time, so commands that arrive while one is in flight wait here instead of at the
 * log's lock and travel together in the next. An idle log's command leaves at once. Order of arrival is kept, each command
 * has its own outcome, and none is told before its commit is durable.
 */
export function createAppendQueue({ send, maxCommands = 64, maxBytes = 4 << 20 }: AppendQueueOptions): AppendQueue {
  const queues = new Map<number, Waiting[]>();

  async function drain(tenant: number, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.splice(0, fitting(queue, maxCommands, maxBytes));
      await deliver(tenant, batch);
      // Those just told often come back at once: a moment's wait lets them travel with the ones that waited meanwhile.
      if (batch.length > 1) await new Promise(setImmediate);
    }
    queues.delete(tenant);
  }

  async function deliver(tenant: number, batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    let answer: BatchAnswer;
    try {
      answer = await send(
        tenant,
        batch.map(({ command }) => command),
      );
    } catch (error) {
      // A server that is out of reach is so for each of them: one after the other, 64 would wait for minutes to be told.
      if (batch.length === 1 || error instanceof StoreUnavailableError) {
        for (const { reject } of batch) reject(error);
        return;
      }
      // One command that the database cannot take (or a batch that takes too long) must not fail its neighbours. If the batch
      // was stored after all, each gets its first receipt.
      for (const one of batch) await deliver(tenant, [one]);
      return;
    }
    if ('first' in answer) {
      const { at } = answer;
      let { first } = answer;
      for (const { command, resolve } of batch) {
        resolve({ outcome: 'accepted', first, at });
        first += command.events.length;
      }
      return;
    }
    // Nothing was written. What is wrong with some for good is told; the others go again. One that is wrong only if those before it
    // are written must come after them.
    const { others } = answer;
    const rest: Waiting[] = [];
    let doubtful = -1;
    for (const [index, waiting] of batch.entries()) {
      const other = others[String(index + 1)];
      if (other?.final) {
        waiting.resolve(other);
        continue;
      }
      if (other && doubtful < 0) doubtful = rest.length;
      rest.push(waiting);
    }
    if (doubtful < 0) return deliver(tenant, rest);
    await deliver(tenant, rest.slice(0, doubtful));
    await deliver(tenant, rest.slice(doubtful, doubtful + 1));
    await deliver(tenant, rest.slice(doubtful + 1));
  }

  return (tenant, command) =>
    new Promise((resolve, reject) => {
      const waiting = { command, resolve, reject };
      const queue = queues.get(tenant);
      if (queue) {
        queue.push(waiting);
        return;
      }
      const started = [waiting];
      queues.set(tenant, started);
      void drain(tenant, started);
    });
}

/**
 * How many of the waiting commands may travel together, at least one: no id twice (its second is a replay of the first), no stream after
 * it was sealed, and no view row touched twice, so that the operations of a batch can be applied as one set.
 */
function fitting(queue: readonly Waiting[], maxCommands: number, maxBytes: number): number {
  const ids = new Set<string>();
  const keys = new Set<string>();
  const sealed = new Set<string>();
  let bytes = 0;
  let count = 0;
  for (const { command } of queue) {
    bytes += command.bytes;
    if (count > 0) {
      if (count === maxCommands || bytes > maxBytes || ids.has(command.id)) break;
      if (command.touches.some(({ stream }) => sealed.has(stream))) break;
      if ([...command.viewKeys].some((key) => keys.has(key))) break;
    }
    ids.add(command.id);
    for (const { stream, seal } of command.touches) if (seal) sealed.add(stream);
    for (const key of command.viewKeys) keys.add(key);
    count += 1;
  }
  return count;
}
