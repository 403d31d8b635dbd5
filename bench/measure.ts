/** Runs `writers` loops of `action` for `ms` milliseconds and gives completed actions per second. */
export async function rate(
  writers: number,
  ms: number,
  action: (writer: number, n: number) => Promise<unknown>,
): Promise<number> {
  const started = performance.now();
  const deadline = started + ms;
  let done = 0;
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let n = 0; performance.now() < deadline; n += 1) {
        await action(writer, n);
        done += 1;
      }
    }),
  );
  return (done / (performance.now() - started)) * 1000;
}

/**
 * Measures contenders in turns, so that what else the machine does meets all of them alike; gives the median of each.
 * The first turn warms up and does not count.
 */
export async function inTurns<K extends string>(
  rounds: number,
  contenders: Readonly<Record<K, () => Promise<number>>>,
): Promise<Record<K, number>> {
  const names = Object.keys(contenders) as K[];
  const measured = new Map<K, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const value = await contenders[name]();
      if (round > 0) measured.get(name)?.push(value);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(measured.get(name) ?? [])])) as Record<K, number>;
}

/** The middle of a list, 0 for an empty one. */
export function median(list: readonly number[]): number {
  return quantile(list, 0.5);
}

/** The value below which this share of the list lies, 0 for an empty one. */
export function quantile(list: readonly number[], share: number): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Two digits behind the point. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
