import type { KnownFact, MemoryProposal } from '../reconcile.ts';
import { cuesOf, holdsOf, oppositeOf, relationKey } from '../relations.ts';
import { normaliseContent, normaliseText } from '../text.ts';
import { unknownStart } from '../timeline.ts';
import { isSameSlot, readMessage } from './read-message.ts';
import type { Pointing, Reading, Unread } from './read-message.ts';

/** The rules as events name them where a model's name would stand. */
export const rulesName = 'holdfast-rules-1';

/** What the rules would like to store; where it came from is for the caller to say. */
export type RuleProposal = Omit<MemoryProposal, 'source'>;

/** What the rules make of a message. */
export interface RuleExtraction {
  readonly proposals: readonly RuleProposal[];
  /** What looks like a fact and was not taken for one: questions, hearsay, irony, what might be, what has yet to be. */
  readonly unread: readonly Unread[];
}

/**
 * Proposes memories from a person's own message by fixed rules for English, German, French, Spanish and Portuguese: names, dates, homes,
 * work, likes, what changed, what was wrong and what is over. Pure and deterministic: used where no model is configured, and where a
 * model's answers stayed unusable. It knows what its sentences say and nothing else: it leaves out what it is not sure of.
 * @param occurredAt when it was said: relative dates are resolved against it
 * @param known the facts that hold, which corrections and endings are about
 */
export function extractByRules(
  { text, occurredAt }: { readonly text: string; readonly occurredAt: string },
  known: readonly KnownFact[],
): RuleExtraction {
  const { readings, pointings, unread } = readMessage(text, new Date(occurredAt));
  const proposals: RuleProposal[] = [];
  const subjects = [...known.map(({ subject }) => subject), ...readings.map(({ subject }) => subject)];
  for (const reading of readings) {
    const subject = resolveSubject(reading.subject, subjects);
    const earlier = readings.slice(0, readings.indexOf(reading)).filter(({ mode }) => mode === 'holds');
    // "I live in Lisbon. No, in Porto": the later words of one message stand.
    const corrects = reading.corrects || earlier.some((one) => isSameSlot(one, reading));
    proposals.push(...propose({ ...reading, subject, corrects }, known, occurredAt));
  }
  for (const pointing of pointings) proposals.push(...proposePointing(pointing, known, occurredAt));
  return { proposals, unread };
}

function propose(reading: Reading, known: readonly KnownFact[], now: string): RuleProposal[] {
  const { saying, subject, values, text, times, mode, corrects, from } = reading;
  const opposite = oppositeOf(reading.relation);
  // "I don't like tea" says that tea is disliked; "I no longer like tea" only that a liking is over.
  const denied =
    opposite !== null && (mode === 'denied' || (mode === 'ended' && relationKey(reading.relation) === 'eats'));
  const relation = denied ? opposite : reading.relation;
  const base = { kind: saying.kind ?? ('fact' as const), subject, relation, text, confidence: 0.7 };
  const begins = times.from ?? now;
  if ((mode === 'ended' || mode === 'denied') && !denied) {
    return values.flatMap((value) =>
      closest(known, { subject, relation, value }).map((fact): RuleProposal => ({
        ...{ ...base, action: 'retract', target: fact.fact, value: fact.value, validFrom: times.to ?? begins },
      })),
    );
  }
  if (mode === 'past' || times.to !== null) {
    return values.map((value) => ({
      ...{ ...base, action: 'assert' as const, target: null, value },
      // "Lived there in 2019" begins and is over; nobody says when else it began.
      validFrom: times.from ?? unknownStart,
      validTo: times.to ?? now,
    }));
  }
  const left: RuleProposal[] =
    from === null || known.some((fact) => isAbout(fact, { subject, relation }))
      ? []
      : [{ ...base, action: 'assert', target: null, value: from, validFrom: unknownStart, validTo: begins }];
  return [
    ...left,
    ...values.map((value): RuleProposal => {
      const target = corrects ? replaced(reading, known, { subject, relation, value }) : null;
      const isCorrection = target !== null || (corrects && holdsOf(relation) === 'one');
      return { ...base, action: isCorrection ? 'supersede' : 'assert', target, value, validFrom: begins };
    }),
  ];
}

/** The one of many values that a correction is about: "not tea but coffee", or the only one there is. */
function replaced(
  { before }: Reading,
  known: readonly KnownFact[],
  { subject, relation, value }: { subject: string; relation: string; value: string },
): string | null {
  const family = known.filter((fact) => isAbout(fact, { subject, relation }) && !sameValue(fact.value, value));
  const meant = before === null ? [] : family.filter((fact) => sameValue(fact.value, before));
  if (meant[0]) return meant[0].fact;
  return holdsOf(relation) === 'many' && before === null && family.length === 1 ? (family[0]?.fact ?? null) : null;
}

/** "It's Porto, not Lisbon": the only fact with the old value is meant. "Forget my shoe size": the only one it can be. */
function proposePointing(
  { text, now: value, before }: Pointing,
  known: readonly KnownFact[],
  now: string,
): RuleProposal[] {
  const meant = known.filter((fact) => sameValue(fact.value, before));
  const [fact] = meant.length > 0 ? meant : value === null ? named(before, known) : [];
  if (!fact || meant.length > 1) return [];
  const { kind, subject, relation } = fact;
  return [
    {
      ...{ kind, subject, relation, text, confidence: 0.7, target: fact.fact, validFrom: now },
      ...(value === null ? { action: 'retract', value: fact.value } : { action: 'supersede', value }),
    },
  ];
}

/** The fact whose relation and value a phrase names by most of its words; none when two are named as well. */
function named(phrase: string, known: readonly KnownFact[]): KnownFact[] {
  const words = normaliseText(phrase)
    .split(' ')
    .filter((word) => word.length > 2);
  const scored = known
    .map((fact) => {
      const about = [
        ...cuesOf(fact.relation),
        ...normaliseText(`${fact.value} ${fact.relation.replaceAll('_', ' ')}`).split(' '),
      ];
      return { fact, hits: words.filter((word) => about.some((cue) => cue.length > 2 && word.startsWith(cue))).length };
    })
    .filter(({ hits }) => hits > 0)
    .sort((a, b) => b.hits - a.hits);
  const [best, second] = scored;
  return best && best.hits > (second?.hits ?? 0) ? [best.fact] : [];
}

/** The known fact that is over: of the same value, or (where no value is named) the only one of its relation. */
function closest(
  known: readonly KnownFact[],
  { subject, relation, value }: { subject: string; relation: string; value: string },
): KnownFact[] {
  const family = known.filter((fact) => isAbout(fact, { subject, relation }));
  if (value === '') return family.length === 1 ? family : [];
  return family.filter((fact) => sameValue(fact.value, value)).slice(0, 1);
}

/** `Anna` is `Anna (sister)` when she is the only Anna, and so is `sister` when she is the only sister. */
function resolveSubject(subject: string, known: readonly string[]): string {
  if (subject === 'user' || subject.includes('(')) return subject;
  const full = [...new Set(known)].filter((one) => one.startsWith(`${subject} (`) || one.endsWith(` (${subject})`));
  return full.length === 1 && full[0] !== undefined ? full[0] : subject;
}

function isAbout(fact: KnownFact, { subject, relation }: { subject: string; relation: string }): boolean {
  return normaliseText(fact.subject) === normaliseText(subject) && relationKey(fact.relation) === relationKey(relation);
}

function sameValue(a: string, b: string): boolean {
  return normaliseContent(a) === normaliseContent(b);
}
