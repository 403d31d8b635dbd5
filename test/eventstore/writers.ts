import type pg from 'pg';
import type { Command, Receipt } from '../../eventstore/index.ts';
import { createEventStore, openPool, StoreUnavailableError } from '../../eventstore/index.ts';
import type { Noted } from './shapes.ts';
import { noted, plainSchema, upTo } from './shapes.ts';

/** Clients that append at once while something happens to the server, and what they were told. */
export interface Writers {
  /** Resolves when every command has its receipt; each is sent until it has. */
  readonly done: Promise<void>;
  readonly sent: readonly Command<Noted>[];
  readonly receipts: readonly Receipt[];
  /** Connections that broke so far. */
  readonly broken: number;
  /** Times a store gave up and the writer sent the command again. */
  readonly unavailable: number;
  /** Ends the writers and their connections. */
  end(): Promise<void>;
}

/**
 * Starts 3 stores with 3 writers each. Commands have one to three events on a stream of the writer's own and one of all, so that torn ones
 * would show.
 * @param each commands per writer
 */
export function startWriters(
  url: string,
  { each, applicationName }: { readonly each: number; readonly applicationName: string },
): Writers {
  const sent: Command<Noted>[] = [];
  const receipts: Receipt[] = [];
  const counts = { broken: 0, unavailable: 0 };
  const state = { going: true };
  const pools: pg.Pool[] = upTo(3).map(() => openPool({ url, applicationName, maxConnections: 3 }));
  const runs = pools.flatMap((pool, client) => {
    const store = createEventStore<Noted>({ pool, schema: plainSchema });
    pool.on('remove', () => (counts.broken += state.going ? 1 : 0));
    return upTo(3).map(async (writer) => {
      const own = `writer/${client}.${writer}`;
      for (const n of upTo(each)) {
        const command: Command<Noted> = {
          id: `${own}/${n}`,
          streams: [own, 'all'].map((name) => ({ name, expectedVersion: 'any' })),
          events: upTo((n % 3) + 1).map((i) => noted(i === 2 ? 'all' : own, `${own}/${n}/${i}`)),
          result: { n },
        };
        sent.push(command);
        while (state.going) {
          const receipt = await store.append('acme', command).catch((error: unknown) => {
            if (!(error instanceof StoreUnavailableError)) throw error;
            counts.unavailable += 1;
          });
          if (!receipt) continue;
          receipts.push(receipt);
          break;
        }
      }
    });
  });
  const done = Promise.all(runs).then(() => undefined);
  // Who waits for it hears of it; who does not, because a fault failed before, must not end the process.
  done.catch(() => undefined);
  return {
    done,
    sent,
    receipts,
    get broken() {
      return counts.broken;
    },
    get unavailable() {
      return counts.unavailable;
    },
    end: async () => {
      state.going = false;
      await Promise.allSettled(runs);
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}
