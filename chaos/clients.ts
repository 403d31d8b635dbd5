import { setTimeout as delay } from 'node:timers/promises';
import type { HoldfastClient } from '../client/index.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { FollowUp, HistoryWriter, WorkKind } from './history.ts';
import type { Random } from './random.ts';
import type { WorkSource } from './work.ts';
import type { Work } from './work-shape.ts';
import { makeWork } from './work.ts';

/** How often each kind of work is done, relative to the others. */
const shares: Readonly<Record<Exclude<WorkKind, FollowUp>, number>> = {
  plain: 4,
  remember: 4,
  correct: 2,
  lookup: 3,
  pay_once: 3,
  child: 2,
  approval: 3,
  cancel: 3,
  block: 4,
  import: 0.5,
  consolidate: 2,
  document: 0.5,
  proposal: 2,
  talk: 3,
  forget: 1,
  rebuild: 0.4,
  export: 0.4,
  neighbour: 1,
};

/** What clients did, counted while they do it. */
export interface WorkTally {
  /** Acknowledged as done, by kind. */
  readonly done: Map<WorkKind, number>;
  /** Turns that were acknowledged as failed, or as aborted though nobody wanted that. */
  failed: number;
  /** Attempts of which the client never learnt what came of them. */
  inDoubt: number;
  /** Attempts that ended in an error that lets the client ask again, by its code. */
  readonly unanswered: Map<string, number>;
  /** Refusals that are an answer, by their code. */
  readonly refused: Map<string, number>;
  /** Attempts after one that was not answered. */
  retries: number;
  /** Errors that no client should ever see, with what was asked. */
  readonly unexpected: string[];
}

/** What clients need. */
export interface ClientsOptions {
  readonly clients: readonly { readonly name: string; readonly client: HoldfastClient }[];
  readonly history: HistoryWriter;
  readonly random: Random;
  readonly source: Omit<WorkSource, 'client' | 'random'>;
}

/** Clients that work until they are told to stop. */
export interface Clients {
  readonly tally: WorkTally;
  /** Acknowledged so far. */
  acknowledged(): number;
  /** Has the next pieces of work be of this kind, whoever does them: a fault waits for it. */
  demand(kind: WorkKind, times: number): void;
  /** Ends after what is under way. */
  stop(): Promise<void>;
}

/** Has every client work: one thing after the other, each of it in the history before and after. */
export function startClients({ clients, history, random, source }: ClientsOptions): Clients {
  const tally: WorkTally = {
    ...{ done: new Map(), failed: 0, inDoubt: 0, unanswered: new Map(), refused: new Map(), retries: 0 },
    unexpected: [],
  };
  const demanded: WorkKind[] = [];
  let [acknowledged, stopping] = [0, false];
  const loops = clients.map(({ name, client }) => loop(name, client, random.part(name)));

  async function loop(name: string, client: HoldfastClient, own: Random): Promise<void> {
    // Each kind once before chance decides, from another one for each client.
    const first = own.shuffle(Object.keys(shares) as (keyof typeof shares)[]);
    for (let n = 0; !stopping; n++) {
      const kind = demanded.shift() ?? first.pop() ?? pickKind(own);
      await perform(makeWork(kind, n, { ...source, client: name, random: own }), client, own);
    }
  }

  async function perform(work: Work, client: HoldfastClient, own: Random): Promise<void> {
    const told = await settle(work, client, own);
    if (told) for (const next of work.then?.(told) ?? []) await perform(next, client, own);
  }

  /** Asks until it is answered; sometimes leaves it in doubt. */
  async function settle({ kind, op, facts, ask }: Work, client: HoldfastClient, own: Random) {
    for (let attempt = 1; ; attempt++) {
      const line = { op, kind, attempt, ...facts };
      history.write({ ...line, what: 'asked' });
      try {
        const told = await ask(client);
        history.write({ ...line, ...told, what: 'acknowledged' });
        if (told.status === 'failed' || (told.status === 'aborted' && kind !== 'cancel')) tally.failed += 1;
        else count(tally.done, kind);
        acknowledged += 1;
        return told;
      } catch (error) {
        const { code, message } = describe(error);
        history.write({ ...line, what: 'failed', error: code });
        const known = error instanceof HoldfastError;
        const isRefused = refusals.get(code)?.includes(kind) ?? false;
        if (!known || !(error.retryable || isRefused) || (refusals.has(code) && !isRefused)) {
          tally.unexpected.push(`${kind} ${op}: ${code}: ${message}`);
          return null;
        }
        count(isRefused ? tally.refused : tally.unanswered, code);
        if (isRefused) return null;
        if (!notInDoubt.has(code)) tally.inDoubt += 1;
        // What must not stay open is asked again until it is answered; of the rest some are left as they are.
        // A turn may stand behind one that waits for a person whom nobody is told of any more: that is settled after the clients.
        const gaveUp = stopping ? attempt > (kind === 'forget' ? 20 : 4) : kind !== 'forget' && own.next() < 0.2;
        if (gaveUp) return null;
        tally.retries += 1;
        await delay(100 + own.below(400));
      }
    }
  }

  return {
    tally,
    acknowledged: () => acknowledged,
    demand: (kind, times) => {
      for (let i = 0; i < times; i++) demanded.push(kind);
    },
    stop: async () => {
      stopping = true;
      await Promise.all(loops);
    },
  };
}

/** Answers that tell that nothing was done, and that asking again would not change it, with whom they may be given to. */
const refusals: ReadonlyMap<string, readonly WorkKind[]> = new Map([
  ['BLOCK_CONFLICT', ['block']],
  // The cancel came before the turn.
  ['TURN_NOT_FOUND', ['cancel']],
  ['SUBJECT_FORGOTTEN', ['forget']],
  ['UNKNOWN_SUBJECT', ['forget']],
  ['REBUILD_RUNNING', ['rebuild']],
  ['HAND_OVER_BLOCKED', ['rebuild']],
]);

/** Errors that let the client ask again and leave nothing in doubt: it was not done, or it is under way. */
const notInDoubt: ReadonlySet<string> = new Set([
  ...['STORAGE_FULL', 'DOCUMENT_BUSY', 'CONSOLIDATION_RUNNING'],
  // The turn is in the log; how it ends is not known yet.
  'NO_ANSWER',
]);

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function pickKind(random: Random): WorkKind {
  let left = random.next() * Object.values(shares).reduce((sum, share) => sum + share, 0);
  for (const [kind, share] of Object.entries(shares)) {
    left -= share;
    if (left <= 0) return kind as WorkKind; // the keys of `shares`
  }
  return 'plain';
}

function describe(error: unknown): { code: string; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  return { code: error instanceof HoldfastError ? error.code : 'UNEXPECTED', message };
}
