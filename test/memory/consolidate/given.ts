import type { CaredFact } from '../../../memory/consolidate/near-duplicates.ts';
import { known } from '../given.ts';

/** A fact as care sees it, from its text and value. */
export function cared(fact: string, text: string, change: Partial<CaredFact> = {}): CaredFact {
  const { kind: _kind, ...base } = known(fact, { text, relation: 'likes', value: 'tea' });
  return {
    ...base,
    kind: 'preference',
    confidence: 0.8,
    disputedWith: null,
    expiresAt: null,
    position: 1,
    sources: [{ thread: 't', branch: 'main', turn: `turn of ${fact}`, quote: text }],
    ...change,
  };
}
