import type { Moment, Position, ViewChange } from '../eventstore/index.ts';
import { diffViews } from '../eventstore/index.ts';
import { roundView } from '../projections/episodic/views.ts';
import { holdfastSchema } from '../projections/index.ts';
import { procedureView } from '../projections/procedural/views.ts';
import { readViews } from '../projections/read-views.ts';
import { factView } from '../projections/semantic/views.ts';
import { blockView } from '../projections/working/views.ts';
import type { ClientContext } from './send-turn.ts';

/** What a diff is about. */
export interface MemoryDiffRequest {
  readonly from: Moment;
  /** @default now */
  readonly to?: Moment;
  /** Names of the views to compare, or all. Only with all of them, what forks remember counts too. @default what is remembered: facts, how-tos, blocks, rounds */
  readonly views?: readonly string[] | 'all';
  /** At most this many changes of each view, the newest; all are counted. @default 1000 */
  readonly limit?: number;
}

/** How memory differs between two positions. */
export interface MemoryDiff {
  readonly from: Position;
  readonly to: Position;
  /** Views that differ. */
  readonly views: readonly ViewDiff[];
}

/** How one view differs: what was gained, lost and changed, in numbers, and the newest changes in order of position. */
export interface ViewDiff {
  readonly view: string;
  readonly gained: number;
  readonly lost: number;
  readonly changed: number;
  readonly changes: readonly ViewChange[];
}

const rememberedViews = [factView, procedureView, blockView, roundView].map(({ name }) => name);

/** Compares what is remembered at two moments. Throws InvalidReadError for a view there is not, or a moment that is none. */
export async function diffMemory(
  { pool, store, tenant }: ClientContext,
  { from, to, views = rememberedViews, limit = 1_000 }: MemoryDiffRequest,
): Promise<MemoryDiff> {
  const no = await store.tenantNumber(tenant);
  const positionOf = (at: Moment | undefined): Promise<Position> =>
    readViews(pool, no, ({ position }) => Promise.resolve(position), { at });
  const ends = { from: await positionOf(from), to: await positionOf(to) };
  const found = new Map<string, { gained: number; lost: number; changed: number; changes: ViewChange[] }>();
  const names = views === 'all' ? undefined : views;
  for await (const change of diffViews({ pool, schema: holdfastSchema, tenant: no, ...ends, views: names })) {
    // What a fork remembers is nothing that is remembered here.
    if (views !== 'all' && ((change.after ?? change.before)?.['fork'] ?? '') !== '') continue;
    const own = found.get(change.view) ?? { gained: 0, lost: 0, changed: 0, changes: [] };
    found.set(change.view, own);
    own[change.change] += 1;
    own.changes.push(change);
    if (own.changes.length > limit) own.changes.shift();
  }
  return { ...ends, views: [...found].map(([view, own]) => ({ view, ...own })) };
}
