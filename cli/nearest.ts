/** The known id that was probably meant: one that begins so, else one with few different letters; null if none is near. */
export function nearest(wanted: string, known: readonly string[]): string | null {
  const sought = wanted.toLowerCase();
  const beginsSo = sought.length >= 3 ? known.find((id) => id.toLowerCase().startsWith(sought)) : undefined;
  if (beginsSo !== undefined) return beginsSo;
  const allowed = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | null = null;
  let least = allowed + 1;
  for (const id of known) {
    if (Math.abs(id.length - wanted.length) >= least) continue;
    const distance = editDistance(sought, id.toLowerCase());
    if (distance < least) [best, least] = [id, distance];
  }
  return best;
}

function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const kept = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(kept, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
