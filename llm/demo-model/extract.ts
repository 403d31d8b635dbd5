import type { Clause } from './clauses.ts';
import { channelOf, isMany, type MemoryKind } from './drafts.ts';
import { rememberContent, toMemories } from './remember.ts';
import { type Reading, readText, type Statement } from './statement.ts';
import { contentStems, wordsOf } from '../words.ts';

/** One message of the conversation that memories are extracted from. Only those with speaker `user` are read. */
export interface ExtractionMessage {
  readonly id: number;
  readonly speaker: string;
  /** ISO time. */
  readonly time: string;
  readonly text: string;
}

/** A memory that is already stored, under a small number that proposals can point at. */
export interface KnownMemory {
  readonly alias: number;
  readonly kind: string;
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  readonly text: string;
}

/** What an extraction proposes to do; pure code in `memory/` decides. */
export interface MemoryProposal {
  readonly action: 'assert' | 'confirm' | 'supersede' | 'retract' | 'none';
  /** Alias of the known memory it is about, else null. */
  readonly target: number | null;
  readonly kind: MemoryKind;
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  readonly text: string;
  /** 0 to 1. */
  readonly confidence: number;
  /** Id of the message that says it. */
  readonly message: number;
}

/**
 * Proposes memories from what the user said, by fixed rules for English. Deterministic and free of I/O, so it also serves
 * where no model is configured. Gives an empty list when nothing is worth remembering.
 */
export function extractProposals(
  messages: readonly ExtractionMessage[],
  known: readonly KnownMemory[],
): MemoryProposal[] {
  const own = messages.filter((message) => message.speaker === 'user');
  const name = personName(
    own.map((message) => message.text),
    known,
  );
  const proposals: MemoryProposal[] = [];
  for (const message of own) {
    for (const reading of readingsOf(message.text, name)) {
      for (const proposal of propose(reading, known, message.id)) add(proposals, proposal);
    }
  }
  return proposals;
}

/** Gives what the user is called: the last name they gave themselves, else the known one, else "The user". */
export function personName(
  texts: readonly string[],
  known: readonly Pick<KnownMemory, 'subject' | 'relation' | 'value'>[],
): string {
  const said = texts
    .flatMap((text) => readText(text, 'The user'))
    .flatMap((reading) => (reading.clause.ends === 'no' ? reading.statements : []))
    .findLast((statement) => statement.subject === 'user' && statement.relation === 'name');
  const stored = known.findLast((memory) => memory.subject === 'user' && memory.relation === 'name');
  return said?.value ?? stored?.value ?? 'The user';
}

// What the user asked to remember is split the same way as for the memory tool, so that the two meet as confirmations.
function readingsOf(text: string, name: string): Reading[] {
  const content = rememberContent(text);
  if (content === null) return readText(text, name);
  const asked = toMemories(content.items, name).map((memory): Reading => ({
    clause: { text: memory.text, corrects: false, oldValue: null, newValue: null, ends: 'no', hedged: false },
    statements: [{ ...memory, confidence: 0.95 }],
  }));
  return [...readText(content.rest, name), ...asked];
}

function propose(reading: Reading, known: readonly KnownMemory[], message: number): MemoryProposal[] {
  const { clause, statements } = reading;
  if (clause.ends !== 'no') return retractions(clause, statements, known, message);
  if (statements.length > 0) {
    return statements.map((statement) => settle(statement, clause, known, message));
  }
  const target = clause.oldValue === null ? undefined : known.find((memory) => holds(memory, clause.oldValue ?? ''));
  if (target === undefined || clause.newValue === null || clause.oldValue === null) return [];
  // "It's Porto, not Lisbon": the known memory tells what it is about.
  return [
    {
      ...aimedAt(target, 'supersede', message),
      value: clause.newValue,
      text: replaceWord(target.text, clause.oldValue, clause.newValue),
      confidence: 0.85,
    },
  ];
}

function settle(statement: Statement, clause: Clause, known: readonly KnownMemory[], message: number): MemoryProposal {
  const { kind, subject, relation, value, text, confidence } = statement;
  const proposal = { kind, subject, relation, value, text, confidence, message };
  const same = known.filter((memory) => sameKey(memory, statement));
  const equal = same.find((memory) => sameValue(memory.value, value));
  if (equal !== undefined) return { ...proposal, action: 'confirm', target: equal.alias };
  const replaced = isMany(statement.relation)
    ? same.find((memory) => isReplaced(memory, statement, clause))
    : same.at(-1);
  if (replaced !== undefined) return { ...proposal, action: 'supersede', target: replaced.alias };
  return { ...proposal, action: 'assert', target: null };
}

// Several likes can hold at once: only an explicit correction about the same thing replaces one.
function isReplaced(memory: KnownMemory, statement: Statement, clause: Clause): boolean {
  if (clause.oldValue !== null && holds(memory, clause.oldValue)) return true;
  const isReversed = statement.relation === 'prefers' && / over /.test(statement.text) && / over /.test(memory.text);
  if (!clause.corrects && !isReversed && statement.relation !== 'how_to') return false;
  const before = new Set(contentStems(`${memory.value} ${memory.kind === 'procedure' ? '' : memory.text}`));
  const after = contentStems(statement.value);
  const shared = after.filter((stem) => before.has(stem)).length;
  return isReversed || statement.relation === 'how_to' ? shared / Math.max(1, after.length) >= 0.6 : shared > 0;
}

function retractions(
  clause: Clause,
  statements: readonly Statement[],
  known: readonly KnownMemory[],
  message: number,
): MemoryProposal[] {
  const targets = statements.flatMap((statement) => {
    const same = known.filter((memory) => sameKey(memory, statement));
    return same.filter((memory) => sameValue(memory.value, statement.value) || holds(memory, statement.value));
  });
  const found = targets.length > 0 ? targets : closest(clause.text, known);
  return found.map((memory) => ({ ...aimedAt(memory, 'retract', message), confidence: 0.9 }));
}

// "Forget my shoe size" names no value: the known memory that shares most of its words is meant.
function closest(text: string, known: readonly KnownMemory[]): KnownMemory[] {
  const wanted = new Set(contentStems(text));
  if (wanted.size === 0) return [];
  const scored = known
    .map((memory) => {
      const stems = new Set(contentStems(`${memory.text} ${memory.value} ${memory.relation.replaceAll('_', ' ')}`));
      return { memory, score: [...wanted].filter((stem) => stems.has(stem)).length / wanted.size };
    })
    .sort((one, other) => other.score - one.score);
  const [best] = scored;
  return best !== undefined && best.score > 0.5 ? [best.memory] : [];
}

function aimedAt(
  memory: KnownMemory,
  action: 'supersede' | 'retract',
  message: number,
): Omit<MemoryProposal, 'confidence'> {
  const { alias, subject, relation, value, text } = memory;
  return { action, target: alias, kind: toKind(memory.kind), subject, relation, value, text, message };
}

function toKind(kind: string): MemoryKind {
  return kind === 'preference' || kind === 'procedure' || kind === 'task_state' || kind === 'feedback' ? kind : 'fact';
}

// Later words of the same conversation win: "I live in Lisbon. No, in Porto." proposes Porto once.
function add(proposals: MemoryProposal[], proposal: MemoryProposal): void {
  const at = proposals.findIndex(
    (earlier) =>
      sameKey(earlier, proposal) &&
      (sameValue(earlier.value, proposal.value) ||
        (earlier.target !== null && earlier.target === proposal.target) ||
        (earlier.target === null && proposal.target === null && !isMany(proposal.relation))),
  );
  const earlier = proposals[at];
  if (earlier === undefined) proposals.push(proposal);
  else if (earlier.action === 'retract' && proposal.action === 'assert') {
    proposals[at] = { ...proposal, action: 'supersede', target: earlier.target };
  } else if (!sameValue(earlier.value, proposal.value) || proposal.action === 'retract') {
    const keptTarget = earlier.target ?? proposal.target;
    if (proposal.action === 'retract' && earlier.action === 'supersede') return;
    proposals[at] = { ...proposal, target: proposal.target ?? keptTarget };
  }
}

function sameKey(one: { subject: string; relation: string }, other: { subject: string; relation: string }): boolean {
  return one.subject.toLowerCase() === other.subject.toLowerCase() && one.relation === other.relation;
}

function sameValue(one: string, other: string): boolean {
  return comparable(one) === comparable(other);
}

function comparable(value: string): string {
  const channel = channelOf(value)?.toLowerCase();
  return (
    channel ??
    wordsOf(value)
      .filter((word) => !/^(?:a|an|the|is|on|in|at)$/.test(word))
      .join(' ')
  );
}

function holds(memory: KnownMemory, value: string): boolean {
  const wanted = comparable(value);
  return wanted !== '' && (` ${comparable(memory.value)} `.includes(` ${wanted} `) || sameValue(memory.value, value));
}

function replaceWord(text: string, before: string, after: string): string {
  const at = text.toLowerCase().indexOf(before.toLowerCase());
  return at < 0 ? text : text.slice(0, at) + after + text.slice(at + before.length);
}
