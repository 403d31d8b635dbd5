import { readdirSync } from 'node:fs';
import { readProcessStart } from '../stack/process-identity.ts';
import type { Arena } from './arena.ts';
import { within } from './faults/fault.ts';

/** Memory and handles of this process at one moment. */
export interface Sample {
  /** Bytes in use by objects, after nothing special. */
  readonly heap: number;
  /** Open files and sockets; null where the system does not tell. */
  readonly handles: number | null;
}

/** Looks at this process. */
export function sample(): Sample {
  return { heap: process.memoryUsage().heapUsed, handles: countHandles() };
}

function countHandles(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

/** Growth of the driver over the run: the least of the last third against the least of the first, as garbage comes and goes. */
export function growth(samples: readonly Sample[]): { readonly heapMiB: number; readonly handles: number } {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const least = (part: readonly Sample[], of: (one: Sample) => number): number => Math.min(...part.map(of));
  const [first, final] = [samples.slice(0, third), samples.slice(-third)];
  if (first.length === 0) return { heapMiB: 0, handles: 0 };
  return {
    heapMiB: Math.round((least(final, ({ heap }) => heap) - least(first, ({ heap }) => heap)) / 2 ** 20),
    handles: least(final, ({ handles }) => handles ?? 0) - least(first, ({ handles }) => handles ?? 0),
  };
}

/** What may not grow by more over a run, however long it is. */
const most = { heapMiB: 150, handles: 50 };

/** Says what the driver kept too much of. */
export function explainGrowth({ heapMiB, handles }: ReturnType<typeof growth>): string[] {
  return [
    ...(heapMiB > most.heapMiB ? [`the driver grew by ${heapMiB} MiB`] : []),
    ...(handles > most.handles ? [`the driver holds ${handles} more files and sockets than at first`] : []),
  ];
}

/** Says what this process still holds after all was closed; a few handles come with what is loaded on the way. */
export function explainHeld({ handles: before }: Sample, { handles: after }: Sample): string[] {
  const more = (after ?? 0) - (before ?? 0);
  return more > 12 ? [`the driver still holds ${more} more files and sockets than before it began`] : [];
}

/**
 * What is left in PostgreSQL once workers and clients have gone: sessions, locks, prepared transactions, temporary files. A backend ends a
 * moment after its client; what is there after ten seconds stays.
 */
export async function findLeftInDatabase({ query }: Arena): Promise<string[]> {
  let found: string[] = [];
  await within(
    10_000,
    async () => {
      const [left] = await query<{ sessions: number; locks: number; prepared: number; files: number }>(
        // The server's own work holds locks of its own: vacuuming, for example.
        `select (select count(*)::int from pg_stat_activity where application_name like 'holdfast%') as sessions,
         (select count(*)::int from pg_locks l join pg_stat_activity a on a.pid = l.pid
          where a.backend_type = 'client backend' and l.pid <> pg_backend_pid() and l.locktype in ('advisory', 'transactionid', 'tuple')) as locks,
         (select count(*)::int from pg_prepared_xacts) as prepared,
         (select count(*)::int from pg_ls_tmpdir()) as files`,
      );
      found = Object.entries(left ?? {}).flatMap(([what, n]) => (n > 0 ? [`${n} ${what} are left in PostgreSQL`] : []));
      return found.length === 0;
    },
    500,
  );
  return found;
}

/** Which of these processes still live. */
export async function findLiving(starts: ReadonlyMap<number, string>): Promise<string[]> {
  const living: string[] = [];
  for (const [pid, began] of starts) {
    if ((await readProcessStart(pid)) === began) living.push(`process ${pid} still runs`);
  }
  return living;
}
