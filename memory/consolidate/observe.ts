import type { Source, Trust } from '../events.ts';
import { normaliseContent, normaliseText } from '../text.ts';
import { essentialsOf, inventedIn } from './lossless.ts';
import type { CaredFact } from './near-duplicates.ts';
import { lessTrusted } from '../trust.ts';

/** What somebody thinks that several facts say together. */
export interface ObservationProposal {
  readonly text: string;
  /** Ids of facts. */
  readonly evidence: readonly string[];
}

/** An observation as it is written. */
export interface DecidedObservation {
  readonly text: string;
  readonly contentHash: string;
  readonly evidence: readonly string[];
  readonly sources: readonly Source[];
  readonly trust: Trust;
  readonly validFrom: string;
}

/** Observations that one run writes at most. */
const mostObservations = 5;
const longestText = 300;

/**
 * Decides which proposed observations are written: each rests on two facts that hold, at least; says nothing that none of them says (no
 * new number, name or date) and turns nothing round; is no repetition of a fact or of an observation there is or was. Its trust is the
 * lowest of its facts' and never the user's own: nobody said it.
 */
export function decideObservations(
  proposals: readonly ObservationProposal[],
  {
    facts,
    known,
    hash,
  }: {
    readonly facts: readonly CaredFact[];
    /** Digests of observations there are or were. */
    readonly known: ReadonlySet<string>;
    readonly hash: (text: string) => string;
  },
): DecidedObservation[] {
  const byId = new Map(facts.filter(({ kind }) => kind !== 'observation').map((fact) => [fact.fact, fact]));
  const texts = new Set(facts.map(({ text }) => normaliseContent(text)));
  const seen = new Set(known);
  const decided: DecidedObservation[] = [];
  for (const proposal of proposals) {
    if (decided.length === mostObservations) break;
    const text = proposal.text.replace(/\s+/g, ' ').trim();
    const evidence = [...new Set(proposal.evidence)].toSorted();
    const rests = evidence.flatMap((id) => byId.get(id) ?? []);
    if (text === '' || text.length > longestText || rests.length < 2 || rests.length !== evidence.length) continue;
    const said = rests.flatMap((fact) => [fact.text, fact.value, fact.subject]);
    if (inventedIn(text, said).length > 0) continue;
    const turned = new Set(said.flatMap((one) => [...essentialsOf(one).negations]));
    if ([...essentialsOf(text).negations].some((word) => !turned.has(word))) continue;
    const contentHash = hash(`observation|${normaliseText(text)}`);
    if (seen.has(contentHash) || texts.has(normaliseContent(text))) continue;
    seen.add(contentHash);
    decided.push({
      text,
      contentHash,
      evidence,
      sources: uniqueSources(rests),
      trust: rests.reduce<Trust>((least, { trust }) => lessTrusted(trust, least), 'model_inference'),
      validFrom:
        rests
          .map(({ validFrom }) => validFrom)
          .toSorted()
          .at(-1) ?? '',
    });
  }
  return decided;
}

function uniqueSources(facts: readonly CaredFact[]): Source[] {
  const byTurn = new Map(facts.flatMap(({ sources }) => sources).map((source) => [source.turn, source]));
  return [...byTurn.values()];
}
