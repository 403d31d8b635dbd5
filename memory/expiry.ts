/** How long each kind of memory is recalled, in days; null or absent = for ever. */
export type TimeToLive = Readonly<Record<string, number | null>>;

const dayMs = 86_400_000;

/** When a memory of a kind that was said at a time is recalled no more (ISO 8601); undefined = never. */
export function expiryOf(ttl: TimeToLive | undefined, kind: string, saidAt: string): string | undefined {
  const days = ttl?.[kind];
  if (days === undefined || days === null) return undefined;
  const end = Date.parse(saidAt) + days * dayMs;
  // Past the end of what a Date can say: for ever.
  return Number.isNaN(new Date(end).getTime()) ? undefined : new Date(end).toISOString();
}
