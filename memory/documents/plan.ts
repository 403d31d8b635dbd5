/** A chunk of a document as it stands in memory. */
export interface StandingChunk extends Place {
  readonly chunk: string;
  /** Digest of its content with its headings. */
  readonly contentHash: string;
}

/** Where in its document a chunk stands: its number from 0, offsets, and headings in one text. */
export interface Place {
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly section: string;
}

/** How a document becomes another version of itself. */
export interface DocumentPlan<W> {
  /** Chunks that are not there yet. */
  readonly added: readonly W[];
  /** Chunks that stay, in another place. */
  readonly moved: readonly (Place & { readonly chunk: string })[];
  /** Chunks that are no more. */
  readonly ended: readonly string[];
  /** How many stay, moved or not. */
  readonly kept: number;
}

/** Compares what stands with what is wanted: chunks of one content are the same chunk, as often as they are there, in order. */
export function planDocument<W extends Place & { readonly contentHash: string }>(
  standing: readonly StandingChunk[],
  wanted: readonly W[],
): DocumentPlan<W> {
  const left = Map.groupBy(standing, ({ contentHash }) => contentHash);
  const added: W[] = [];
  const moved: (Place & { readonly chunk: string })[] = [];
  let kept = 0;
  for (const want of wanted) {
    const same = left.get(want.contentHash)?.shift();
    if (!same) {
      added.push(want);
      continue;
    }
    kept += 1;
    const { ordinal, start, end, section } = want;
    if (same.ordinal === ordinal && same.start === start && same.end === end && same.section === section) continue;
    moved.push({ chunk: same.chunk, ordinal, start, end, section });
  }
  return { added, moved, kept, ended: [...left.values()].flat().map(({ chunk }) => chunk) };
}
