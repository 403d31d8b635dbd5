import { sha256 } from '../projections/digest.ts';

/** Digest of a tool call's arguments, independent of the order of keys. */
export function argumentsHash(value: unknown): string {
  return sha256(JSON.stringify(sortKeys(value ?? null))).slice(0, 32);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}
