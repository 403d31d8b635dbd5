import type { Shelf, ShelfEntry } from './shelf.ts';

/** What a reader may see. */
export interface View {
  isVisible(entry: ShelfEntry): boolean;
  /**
   * A name under which a shelf may keep what is seen of it, and the position it is seen at: equal names see the same of a shelf that
   * changed at no later position. @default nothing is kept
   */
  readonly keptAs?: { readonly name: string; readonly position: number } | null;
}

/** What is visible of a shelf, with the statistics that scoring needs: those of what is visible, not of what is there. */
export interface Sight {
  /** 1 for each visible entry. */
  readonly isVisible: Uint8Array;
  readonly visible: number;
  /** Terms of all that is visible. */
  readonly terms: number;
  /** Times of the first and the last, in milliseconds of the epoch; Infinity and -Infinity of nothing. */
  readonly first: number;
  readonly last: number;
  /** The visible entries before and after each visible one in its session; -1 without. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  /** Visible entries of each session, and how many sessions have any. */
  readonly sessionSizes: Int32Array;
  readonly sessionCount: number;
  readonly speakers: readonly string[];
}

const mostKept = 8;

/** Sees a shelf, or finds what was seen of it before under the same name. */
export function sightOf(shelf: Shelf, view: View): Sight {
  const name = view.keptAs && view.keptAs.position >= shelf.changedAt ? view.keptAs.name : null;
  const kept = name === null ? undefined : shelf.sights.get(name);
  if (kept?.version === shelf.version) return kept.sight;
  const sight = look(shelf, view);
  if (name !== null) {
    if (shelf.sights.size >= mostKept) shelf.sights.clear();
    shelf.sights.set(name, { version: shelf.version, sight });
  }
  return sight;
}

function look(shelf: Shelf, view: View): Sight {
  const { entries, members, lengths } = shelf;
  const isVisible = new Uint8Array(entries.length);
  const speakers = new Set<string>();
  let [visible, terms, first, last] = [0, 0, Infinity, -Infinity];
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index];
    if (!entry || !view.isVisible(entry)) continue;
    isVisible[index] = 1;
    visible += 1;
    terms += lengths.values[index] ?? 0;
    if (entry.at < first) first = entry.at;
    if (entry.at > last) last = entry.at;
    if (entry.speaker !== null) speakers.add(entry.speaker);
  }
  const before = new Int32Array(entries.length).fill(-1);
  const after = new Int32Array(entries.length).fill(-1);
  const sessionSizes = new Int32Array(members.length);
  let sessionCount = 0;
  for (let session = 0; session < members.length; session++) {
    let previous = -1;
    let size = 0;
    for (const index of members[session] ?? []) {
      if (isVisible[index] !== 1) continue;
      before[index] = previous;
      if (previous !== -1) after[previous] = index;
      previous = index;
      size += 1;
    }
    sessionSizes[session] = size;
    if (size > 0) sessionCount += 1;
  }
  return {
    isVisible,
    visible,
    terms,
    first,
    last,
    before,
    after,
    sessionSizes,
    sessionCount,
    speakers: [...speakers],
  };
}
