import { termsOf } from '../recall/terms.ts';
import { estimateTokens, shorten } from '../text.ts';
import { inventedIn } from './lossless.ts';

/** What was said in a session, in order. */
export interface SaidLine {
  readonly speaker: string;
  readonly text: string;
}

/** A session in short. */
export interface SessionDigest {
  readonly title: string;
  readonly summary: string;
}

/** Characters of a title, and of a summary. */
export const digestLimits = { title: 80, summary: 1_200 } as const;
const mostSentences = 6;

/**
 * Makes a summary of the session's own sentences: those that say most of what the session keeps coming back to, in the order they were
 * said, each with who said it. Knows no language and makes nothing up.
 */
export function extractSummary(lines: readonly SaidLine[]): SessionDigest {
  const weights = new Map<string, number>();
  const sentences = lines.flatMap(({ speaker, text }, line) =>
    sentencesOf(text).map((sentence, place) => ({ speaker, sentence, line, place, terms: new Set(termsOf(sentence)) })),
  );
  for (const { terms } of sentences) for (const term of terms) weights.set(term, (weights.get(term) ?? 0) + 1);
  const covered = new Set<string>();
  const chosen: typeof sentences = [];
  let left: number = digestLimits.summary;
  while (chosen.length < mostSentences) {
    let best: { readonly at: (typeof sentences)[number]; readonly score: number } | undefined;
    for (const at of sentences) {
      if (chosen.includes(at) || at.sentence.length + at.speaker.length + 3 > left) continue;
      const fresh = [...at.terms].filter((term) => !covered.has(term));
      const gain = fresh.reduce((sum, term) => sum + (weights.get(term) ?? 0), 0);
      // A question says what it is about and not what is known; long sentences hold more of everything.
      const score = (gain / Math.sqrt(at.terms.size + 4)) * (/[?？]\s*$/.test(at.sentence) ? 0.5 : 1);
      if (gain > 0 && (best === undefined || score > best.score)) best = { at, score };
    }
    if (best === undefined) break;
    chosen.push(best.at);
    for (const term of best.at.terms) covered.add(term);
    left -= best.at.sentence.length + best.at.speaker.length + 3;
  }
  const inOrder = chosen.toSorted((a, b) => a.line - b.line || a.place - b.place);
  const first = lines.find(({ text }) => text.trim() !== '');
  return {
    title: shorten((sentencesOf(first?.text ?? '')[0] ?? '').replace(/[.!。]+$/, ''), digestLimits.title),
    summary:
      inOrder.length > 0
        ? inOrder.map(({ speaker, sentence }) => `${speaker}: ${sentence}`).join('\n')
        : shorten(lines.map(({ speaker, text }) => `${speaker}: ${text}`).join(' '), digestLimits.summary),
  };
}

/**
 * Why a model's summary is not taken, or null: it is empty, longer than the session, or names a number, a name or a date that nobody said.
 * The session's own sentences stand instead then.
 */
export function refuseSummary(digest: SessionDigest, lines: readonly SaidLine[]): string | null {
  const said = lines.map(({ speaker, text }) => `${speaker}: ${text}`);
  if (digest.title.trim() === '' || digest.summary.trim() === '') return 'it is empty';
  if (digest.title.length > digestLimits.title * 2 || digest.summary.length > digestLimits.summary * 2)
    return 'it is too long';
  const words = said.reduce((sum, text) => sum + estimateTokens(text), 0);
  if (words > 60 && estimateTokens(digest.summary) > words) return 'it is longer than the session';
  const invented = inventedIn(`${digest.title}. ${digest.summary}`, said);
  return invented.length > 0 ? 'it names what nobody said' : null;
}

function sentencesOf(text: string): string[] {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat === '' ? [] : flat.split(/(?<=[.!?。！？])\s+/u).map((sentence) => shorten(sentence, 400));
}
