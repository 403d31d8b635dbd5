import type { FetchedVectors } from '../../memory/recall/score-vectors.ts';
import { exactUpTo } from '../../memory/recall/score-vectors.ts';
import type { BegunSearch } from '../../memory/recall/search.ts';
import { keptElsewhere } from '../../memory/recall/shelf.ts';
import type { Scope } from '../../memory/scope.ts';
import type { ViewReader } from '../read-views.ts';
import type { NearSpace } from './pgvector.ts';
import { findNear, findSpace, readNearest } from './pgvector.ts';
import { readVectors, toVector } from './queries.ts';
import type { KeptShelf, OpenShelves, RecallIndex } from './shelves.ts';

/**
 * Attaches vectors of a model that came since. Shelves hold those of one model. Of a shelf that is larger than the index allows, those that
 * pgvector has an index of stay in the database. Gives that index for each shelf, null where all is on the shelf.
 */
export async function attachVectors(
  reader: ViewReader,
  index: RecallIndex,
  { kept, model }: { readonly kept: readonly KeptShelf[]; readonly model: string },
): Promise<(NearSpace | null)[]> {
  const isLarge = ({ shelf }: KeptShelf): boolean => shelf.entries.length > index.pgvectorFrom;
  const space = kept.some(isLarge) ? await findSpace(reader, model) : null;
  const spaces: (NearSpace | null)[] = [];
  for (const one of kept) {
    const own = isLarge(one) ? space : null;
    const held = `${model}\u0000${own?.key ?? ''}`;
    if (one.held !== held) one.shelf.forgetVectors();
    one.held = held;
    // New texts are asked for at once, those that had none before a few at a time.
    for (;;) {
      // Others may be at those that this question needs, too: without them it would rank by what happens to be there.
      await one.attaching;
      // A question by another model came between.
      if (one.held !== held) break;
      const { hashes, more, isFirst } = one.shelf.withoutVector(2_000);
      if (hashes.length === 0) break;
      const attached = attach(reader, one, { hashes, held, model, space: own });
      if (isFirst) one.attaching = waitFor(one, attached);
      await attached;
      if (!more) break;
    }
    spaces.push(own);
  }
  index.trim();
  return spaces;
}

/** Ends when the vectors are there, or when fetching them has failed: who fetched them hears of that. */
async function waitFor(kept: KeptShelf, attached: Promise<void>): Promise<void> {
  await attached.catch(() => undefined);
  kept.attaching = null;
}

async function attach(
  reader: ViewReader,
  kept: KeptShelf,
  {
    hashes,
    held,
    model,
    space,
  }: {
    readonly hashes: readonly string[];
    readonly held: string;
    readonly model: string;
    readonly space: NearSpace | null;
  },
): Promise<void> {
  try {
    const near = new Set(space ? await findNear(reader, space, hashes) : []);
    const missing = hashes.filter((hash) => !near.has(hash));
    const rows = missing.length === 0 ? [] : await readVectors(reader, { model, hashes: missing });
    if (kept.held !== held) return;
    kept.shelf.leave([...near]);
    kept.shelf.attach(new Map(rows.map(({ text_hash, vector }) => [text_hash, toVector(vector)])));
  } catch (error) {
    if (kept.held === held) kept.shelf.askAnew(hashes);
    throw error;
  }
}

/** Vectors for one question, and how many of its nearest pgvector found; null = the index was not asked. */
export interface Fetched extends FetchedVectors {
  readonly byIndex: number | null;
}

/**
 * Fetches what a search needs of the vectors that stay in the database: pgvector names the nearest, what may be found of them is decided here,
 * and their cosines are computed from the exact vectors. Null when there are none.
 */
export async function fetchVectors(
  reader: ViewReader,
  { shelves }: Pick<OpenShelves, 'shelves'>,
  {
    begun,
    spaces,
    scope,
    vector,
    depth,
  }: {
    readonly begun: BegunSearch;
    readonly spaces: readonly (NearSpace | null)[];
    readonly scope: Scope;
    readonly vector: { readonly model: string; readonly values: Float32Array };
    readonly depth: number;
  },
): Promise<Fetched | null> {
  if (spaces.every((space) => space === null)) return null;
  const near: (readonly number[])[] = [];
  let byIndex: number | null = null;
  for (const s of shelves.keys()) {
    const space = spaces[s];
    const wanted = space?.dimensions === vector.values.length ? begun.elsewhere(s) : [];
    // So few are compared exactly, all of them.
    if (!space || wanted.length <= exactUpTo) near.push(wanted);
    else {
      const found = await nearestOf(reader, space, { begun, shelves, s, scope, values: vector.values, depth });
      byIndex = (byIndex ?? 0) + found.length;
      near.push(found);
    }
  }
  const found = near.flatMap((list, s) => list.map((index) => ({ s, index })));
  // What may become a candidate, and what stands beside it: that is weighed, too.
  const places = [...found, ...begun.byWords(), ...begun.nearOnShelves()];
  const hashes = new Set(
    [...places, ...places.flatMap((place) => begun.beside(place))].flatMap(({ s, index }) => {
      const shelf = shelves[s];
      const hash = shelf?.rows.values[index] === keptElsewhere ? shelf.entries[index]?.textHash : undefined;
      return hash === undefined ? [] : [hash];
    }),
  );
  const rows = hashes.size === 0 ? [] : await readVectors(reader, { model: vector.model, hashes: [...hashes] });
  return { near, byIndex, vectors: new Map(rows.map(({ text_hash, vector: own }) => [text_hash, toVector(own)])) };
}

/** The nearest of a shelf that may be found: more are asked for until there are enough; at last all, without the index. */
async function nearestOf(
  reader: ViewReader,
  space: NearSpace,
  {
    begun,
    shelves,
    s,
    scope,
    values,
    depth,
  }: {
    readonly begun: BegunSearch;
    readonly shelves: OpenShelves['shelves'];
    readonly s: number;
    readonly scope: Scope;
    readonly values: Float32Array;
    readonly depth: number;
  },
): Promise<number[]> {
  const enough = Math.ceil(depth / 2);
  const asked = Math.ceil(enough * 1.25);
  for (const limit of [asked, asked * 8, null]) {
    const hashes = await readNearest(reader, space, { shelf: s, scope, values, limit });
    const found = hashes
      .flatMap((hash) => shelves[s]?.withText(hash) ?? [])
      .filter((index) => begun.isWanted({ s, index }));
    if (found.length >= enough || limit === null) return found.slice(0, asked);
  }
  return [];
}
