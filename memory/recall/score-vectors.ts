import type { Shelf } from './shelf.ts';
import { keptElsewhere } from './shelf.ts';
import type { Sight } from './sight.ts';
import { innerProduct, signCode } from './vectors.ts';

/** Cosines of a shelf's entries to a question. */
export interface Cosines {
  /** The cosine of an entry; 0 without a vector. */
  of(index: number): number;
  /** Entries that may be among the nearest, each once, and the cosine of each. */
  readonly near: Int32Array;
  readonly cosines: Float64Array;
  /** Visible entries without a vector of the question's length. */
  readonly missing: number;
}

/** Vectors that are kept elsewhere and were fetched for one question, by the digests of their texts. */
export interface FetchedVectors {
  /** Those that may be among the nearest, and any that are asked for. */
  readonly vectors: ReadonlyMap<string, Float32Array>;
  /** Entries of each shelf that may be among the nearest. */
  readonly near: readonly (readonly number[])[];
}

/** Up to this many vectors are all compared; of more, those whose signs are most alike. */
export const exactUpTo = 4_096;
/** Of that many vectors, this share goes on to be compared, but not fewer than `leastCompared`. */
const comparedShare = 0.02;
const leastCompared = 2_048;

/**
 * Compares what is visible and wanted with the question's vector. On a large shelf the signs are compared first, and the exact cosine is
 * computed for those that differ in the fewest; the cosine of any other entry is still exact when it is asked for.
 * @param isWanted 1 for each entry that may be found @default all that is visible
 * @param fetched of the vectors that are kept elsewhere, those of this shelf that were fetched @default none
 */
export function scoreVectors(
  { shelf, sight }: { readonly shelf: Shelf; readonly sight: Sight },
  query: Float32Array,
  isWanted: Uint8Array = sight.isVisible,
  fetched: { readonly vectors: FetchedVectors['vectors']; readonly near: readonly number[] } | null = null,
): Cosines {
  const { rows, entries } = shelf;
  const { isVisible } = sight;
  const size = isVisible.length;
  const vectors = shelf.vectors?.dimensions === query.length ? shelf.vectors : null;
  if (!vectors && !fetched)
    return { of: () => 0, near: new Int32Array(), cosines: new Float64Array(), missing: sight.visible };
  const wanted = new Int32Array(size);
  let [count, missing] = [0, 0];
  for (let index = 0; index < size; index++) {
    if (isVisible[index] !== 1) continue;
    const row = rows.values[index] ?? -1;
    if (row === keptElsewhere && fetched) continue;
    if (row < 0 || !vectors) missing += 1;
    else if (isWanted[index] === 1) wanted[count++] = index;
  }
  const known = new Float64Array(size).fill(NaN);
  const of = (index: number): number => {
    const before = known[index] ?? 0;
    if (!Number.isNaN(before)) return before;
    const row = rows.values[index] ?? -1;
    const own = row === keptElsewhere ? fetched?.vectors.get(entries[index]?.textHash ?? '') : undefined;
    if (own?.length === query.length) return (known[index] = innerProduct(own, query));
    return (known[index] = row < 0 || !vectors ? 0 : vectors.dot(row, query));
  };
  const kept =
    count <= exactUpTo || !vectors
      ? wanted.subarray(0, count)
      : nearestBySigns({ shelf, wanted, count }, query, vectors);
  const near = fetched
    ? Int32Array.of(
        ...kept,
        ...fetched.near.filter((index) => isWanted[index] === 1 && rows.values[index] === keptElsewhere),
      )
    : kept;
  return { of, near, cosines: Float64Array.from(near, of), missing };
}

function nearestBySigns(
  { shelf, wanted, count }: { readonly shelf: Shelf; readonly wanted: Int32Array; readonly count: number },
  query: Float32Array,
  vectors: NonNullable<Shelf['vectors']>,
): Int32Array {
  const most = Math.max(leastCompared, Math.ceil(count * comparedShare));
  const code = signCode(query);
  const distances = new Uint16Array(count);
  const histogram = new Int32Array(query.length + 1);
  for (let at = 0; at < count; at++) {
    const distance = vectors.distance(shelf.rows.values[wanted[at] ?? 0] ?? 0, code);
    distances[at] = distance;
    histogram[distance] = (histogram[distance] ?? 0) + 1;
  }
  let [limit, within] = [-1, 0];
  while (limit < query.length && within < most) within += histogram[++limit] ?? 0;
  // All of the last distance, so that it does not depend on the order they came in.
  const near = new Int32Array(within);
  let found = 0;
  for (let at = 0; at < count; at++) if ((distances[at] ?? 0) <= limit) near[found++] = wanted[at] ?? 0;
  return near;
}
