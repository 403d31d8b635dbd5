import { createHash } from 'node:crypto';
import { parseReply, readProposals } from '../../activities/extraction-proposals.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { reconcile } from '../../memory/reconcile.ts';
import type { KnownFact, MemoryProposal } from '../../memory/reconcile.ts';
import { relationKey } from '../../memory/relations.ts';
import { extractByRules } from '../../memory/rules/extract-by-rules.ts';
import { normaliseContent, normaliseText } from '../../memory/text.ts';
import type { Conversation, Line } from './conversation.ts';
import { english } from './english.ts';
import { foldFacts, knownFrom } from './fold-facts.ts';
import type { FoldedFact } from './fold-facts.ts';
import { french, german, portuguese, spanish } from './other-languages.ts';

/** All conversations of the suite. */
export const conversations: readonly Conversation[] = [...english, ...german, ...french, ...spanish, ...portuguese];

/** Who proposes: the answers of a model, written by hand, through the same reading as a model's; or the rules. */
export type Extractor = 'scripted' | 'deterministic';

/** How a conversation came out. */
export interface Played {
  readonly conversation: string;
  readonly right: boolean;
  readonly now: readonly string[];
  readonly past: readonly string[];
  /** Facts that should hold and were ended. */
  readonly wronglyRetired: readonly string[];
}

/** Plays a conversation message by message and compares what is known after it with what should be. */
export function play(conversation: Conversation, extractor: Extractor): Played {
  const events: MemoryEvent[] = [];
  for (const [at, line] of conversation.lines.entries()) {
    const known = knownFrom(foldFacts(events));
    const proposals = propose(
      line,
      known.filter(({ validTo }) => validTo == null),
      extractor,
    );
    const { events: decided } = reconcile({
      scope: { user: 'ana' },
      trust: 'direct_user',
      facts: known,
      procedures: [],
      proposals,
      hash: (text) => createHash('sha256').update(text).digest('hex'),
      newId: (ordinal) => `f${at}.${ordinal}`,
    });
    events.push(...decided);
  }
  const facts = foldFacts(events);
  const now = facts.filter(({ validTo }) => validTo === null).map(spell);
  const past = facts.filter(({ validTo }) => validTo !== null).map(spell);
  const should = { now: conversation.now.map(normal), past: (conversation.past ?? []).map(normal) };
  return {
    conversation: conversation.name,
    right: same(now, should.now) && same(past, should.past),
    now,
    past,
    wronglyRetired: should.now.filter((fact) => !now.includes(fact) && past.includes(fact)),
  };
}

const isoOf = (day: string): string => new Date(day).toISOString();

function propose([day, text, ...model]: Line, known: readonly KnownFact[], extractor: Extractor): MemoryProposal[] {
  const source = { thread: 't', branch: 'main', turn: day, quote: text };
  const message = { text, occurredAt: isoOf(day) };
  if (extractor === 'deterministic')
    return extractByRules(message, known).proposals.map((proposal) => ({ ...proposal, source }));
  const answer = JSON.stringify({ proposals: model.map((one) => itemOf(one, known)) });
  return [
    ...readProposals({ message, facts: known, procedures: [], source }, parseReply(answer, 'scripted')).proposals,
  ];
}

/** What a model would answer for `~user|lives_in|Lisbon>Porto@2026-03-02`. */
function itemOf(script: string, known: readonly KnownFact[]) {
  const [, sign, fact = '', since = null, until = null] =
    /^([+~-])(.*?)(?:@(\d{4}-\d\d-\d\d))?(?:\.\.(\d{4}-\d\d-\d\d))?$/.exec(script) ?? [];
  const [subject = '', relation = '', values = ''] = fact.split('|');
  const [old = '', value = old] = values.split('>');
  const target = known.findIndex((one) => spell(one) === normal(`${subject}|${relation}|${old}`)) + 1;
  return {
    action: sign === '+' ? 'assert' : sign === '-' ? 'retract' : 'supersede',
    target: sign === '+' || target === 0 ? null : target,
    ...{
      kind: 'fact',
      subject,
      relation,
      value,
      text: `${subject}: ${value}`,
      confidence: 0.9,
      message: 1,
      since,
      until,
    },
  };
}

function spell({ subject, relation, value }: Pick<FoldedFact, 'subject' | 'relation' | 'value'>): string {
  return normal(`${subject}|${relation}|${value}`);
}

function normal(fact: string): string {
  const [subject = '', relation = '', value = ''] = fact.split('|');
  return `${normaliseText(subject)}|${relationKey(relation)}|${normaliseContent(value)}`;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
