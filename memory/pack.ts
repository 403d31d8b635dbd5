import type { RecalledItem } from './events.ts';
import type { RankedCandidate } from './rank.ts';
import { estimateTokens, shorten } from './text.ts';

/** A ranked memory with what the prompt says about where it came from. */
export interface PackCandidate extends RankedCandidate {
  /** "since 2026-11-21, thread support-1, turn t-3" */
  readonly provenance: string;
}

/** What went into the prompt, and why the rest did not. */
export interface Packed {
  /** Lines for the prompt, best first. Empty when nothing fits or nothing was found. */
  readonly lines: readonly string[];
  /** Every candidate, injected or not, with the reason. */
  readonly items: readonly RecalledItem[];
  readonly tokens: number;
}

/** Longest memory text in a prompt, in characters: a pasted log file must not push everything else out. */
const longestText = 1_200;

/**
 * Fills a token budget with the best candidates. One that is too large is skipped, not the end of the list. Candidates beyond
 * `selected` were ranked too low or said what another one says; `left` says otherwise.
 */
export function pack(
  ranked: readonly PackCandidate[],
  selected: ReadonlySet<string>,
  {
    budgetTokens,
    itemsKept = 30,
    left = 'ranked below the items that were kept, or says what one of them says',
  }: { budgetTokens: number; itemsKept?: number; left?: string },
): Packed {
  const lines: string[] = [];
  let tokens = 0;
  const items = ranked.map((candidate): RecalledItem => {
    const { id, kind, trust, score, ranks, factors } = candidate;
    const base = {
      ...{ id, kind, trust, score: Math.round(score * 1e6) / 1e6, ranks, factors },
      reason: explain(candidate),
    };
    if (!selected.has(id)) return { ...base, label: null, rejected: left };
    const label = `m${lines.length + 1}`;
    const line = memoryLine(label, candidate);
    const cost = estimateTokens(line);
    if (tokens + cost > budgetTokens)
      return { ...base, label: null, rejected: `needs ${cost} tokens, ${budgetTokens - tokens} are left` };
    tokens += cost;
    lines.push(line);
    return { ...base, label, rejected: null };
  });
  // The trace keeps what was used and the best of what was not: enough to answer "why not", small enough for every step.
  const kept = items.filter((item, index) => item.label !== null || index < itemsKept);
  return { lines, items: kept, tokens };
}

/** One memory as the model reads it. */
export function memoryLine(label: string, item: { kind: string; text: string; provenance: string }): string {
  return `[${label}] ${item.kind} · ${shorten(item.text, longestText)} (${item.provenance})`;
}

function explain({ ranks, factors, proofs }: RankedCandidate): string {
  const places = Object.entries(ranks)
    .sort((a, b) => a[1] - b[1])
    .map(([channel, place]) => `${channel} #${place}`);
  const moved = Object.entries(factors)
    .filter(([, factor]) => Math.abs(factor - 1) >= 0.02)
    .map(([name, factor]) => `${name} ×${factor.toFixed(2)}`);
  const proof = proofs > 1 ? [`${proofs} sources`] : [];
  return [...places, ...moved, ...proof].join(', ');
}
