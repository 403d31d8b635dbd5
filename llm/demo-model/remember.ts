import { clausesOf, sentencesOf, straighten } from './clauses.ts';
import type { MemoryKind } from './drafts.ts';
import { isQuestion, readText, type Statement } from './statement.ts';
import { aboutPerson, asSentence } from './third-person.ts';

/** One item of a `memory_remember` call. */
export interface MemoryToStore {
  readonly kind: MemoryKind;
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  readonly text: string;
}

/** What the user asked to remember, item by item, and the rest of the message. */
export interface RememberContent {
  readonly items: readonly string[];
  readonly rest: string;
}

const POLITE = String.raw`(?:(?:hi|hello|hey|please|also|and|so|ok|okay|oh|now|then|yes|great|thanks|kindly|just)[,!.]?\s+)*`;
const ASKING = String.raw`(?:(?:(?:can|could|would|will) you|i (?:want|need|would like|'d like) you to|i'd like you to|you (?:should|must)|make sure (?:to|you)|be sure to|do) (?:please )?)?`;
const VERB = String.raw`(?:remember|memori[sz]e|note(?: down)?|take (?:a )?note(?: of)?|make (?:a )?note(?: of)?|keep in mind|bear in mind|don'?t forget|do not forget|never forget|for the record|save (?:this|these|that|the following)|store (?:this|these|that|the following)|write (?:this |these |that )?down|for future reference)`;
const OBJECT = String.raw`(?:\s*(?:,\s*)?(?:that|this|these|the following|it|of|about me)\b)*`;
const COUNT = String.raw`(?:\s+(?:(?:\d+|two|three|four|five|six|seven|eight|nine|ten|few|couple of|some) )?(?:things?|facts?|points?|items?|details?|notes?|preferences?)(?: (?:about|for|on) (?:me|us|my \w+))?)?`;
const LEAD = new RegExp(
  `^${POLITE}${ASKING}${POLITE}${VERB}${OBJECT}${COUNT}(?:\\s*(?:for me|please|for later|forever|in mind))?\\s*(?:[:,.!-]+\\s*|\\s+|$)(?:that\\s+)?`,
  'i',
);
const TRAIL = new RegExp(
  `^(.+?)[,;:.!-]+\\s*(?:(?:and|so|please|also)\\s+)*${ASKING}(?:please )?${VERB}(?: (?:that|this|it))?(?: please| for me)?[\\s.!]*$`,
  'is',
);

/** Gives what an explicit request to remember covers, or null where the message holds no such request. */
export function rememberContent(message: string): RememberContent | null {
  const text = straighten(message).trim();
  if (text.length > 100_000) return null;
  const lines = sentencesOf(text);
  const at = lines.findIndex((line) => isRemember(line));
  if (at >= 0) {
    const lead = lines[at] ?? '';
    const start = text.indexOf(lead.slice(0, 40));
    const said = text.slice(Math.max(0, start)).replace(LEAD, '');
    // The question mark of "Can you remember that …?" belongs to the asking.
    const after = /[?？]$/u.test(lead) ? said.replace(/[?？]/u, '.') : said;
    const items = itemsOf(after);
    const before = lines.slice(0, at);
    if (items.length > 0) return { items, rest: before.join('\n') };
    // "My shoe size is 42. Please remember that.": the request points back.
    const stated = before.filter((line) => !isQuestion(line));
    return stated.length === 0 ? null : { items: stated.flatMap((line) => itemsOf(line)), rest: '' };
  }
  const trailing = lines.findIndex((line) => line.length <= 2_000 && TRAIL.test(line) && !isQuestion(line));
  const said = TRAIL.exec(lines[trailing] ?? '')?.[1];
  if (said === undefined) return null;
  return { items: itemsOf(said), rest: lines.filter((_, index) => index !== trailing).join('\n') };
}

function isRemember(line: string): boolean {
  if (!LEAD.test(line.slice(0, 300))) return false;
  const asks = /[?？]\s*$/u.test(line);
  // "Can you remember that …?" asks politely; "Do you remember …?" and "Remember when …?" ask for an answer.
  if (asks)
    return /\b(?:can|could|would|will) you (?:please )?(?:remember|note|keep|memori[sz]e|save|store)\s+(?!what|who|where|when|how|which|if|anything|me\b)/i.test(
      line,
    );
  return !/^\W*(?:do you remember|remember (?:when|how|what|who|where|me)\b)/i.test(line);
}

const NUMBER = /(?:^|[\s;,:])\(?(\d{1,2})[.)]\s+/g;

/** Splits a list into its items: numbers, bullets, lines, semicolons, or else sentences and their clauses. */
export function itemsOf(content: string): string[] {
  const numbered = splitNumbers(content);
  if (numbered !== null) return numbered;
  const lines = content
    .split(/\r?\n+/)
    .map((line) => tidy(line))
    .filter((line) => line !== '');
  const listed = lines[0]?.endsWith(':') === true ? lines.slice(1) : lines;
  if (listed.length > 1) return listed.filter((line) => !isQuestion(line));
  const [line = ''] = listed;
  const parts = line
    .split(/\s*;\s*(?:and )?/i)
    .map((part) => tidy(part))
    .filter((part) => part !== '');
  if (parts.length > 1) return parts;
  return sentencesOf(line)
    .filter((sentence) => !isQuestion(sentence))
    .flatMap((sentence) => splitClauses(sentence))
    .map((part) => tidy(part))
    .filter((part) => /[\p{L}\p{N}]/u.test(part));
}

// Only a run 1, 2, 3 … is a list: "flat 3) on floor 2." is not.
function splitNumbers(content: string): string[] | null {
  const marks = [...content.matchAll(NUMBER)];
  const run: RegExpExecArray[] = [];
  for (const mark of marks) if (Number(mark[1]) === run.length + 1) run.push(mark);
  if (run.length < 2) return null;
  const items = run.map((mark, at) => {
    const piece = content.slice(mark.index + mark[0].length, run[at + 1]?.index ?? content.length);
    return at === run.length - 1 ? lastItem(piece) : piece;
  });
  return items.map((item) => tidy(item)).filter((item) => item !== '');
}

// What follows the last item after an empty line, or as a question, is talk again.
function lastItem(piece: string): string {
  const [first = ''] = piece.split(/\r?\n\s*\n/);
  const sentences = sentencesOf(first);
  const end = sentences.findIndex(
    (sentence, at) => at > 0 && (isQuestion(sentence) || /^(?:thanks|thank you|please)\b/i.test(sentence)),
  );
  return end < 0 ? first : sentences.slice(0, end).join(' ');
}

// Splits "my dog is called Bruno and I live in Lisbon" only where each part is understood alone.
function splitClauses(sentence: string): string[] {
  const clauses = clausesOf(sentence).map((clause) => clause.text);
  if (clauses.length < 2) return [sentence];
  return clauses.every((clause) => readText(clause, 'The user').some((reading) => reading.statements.length > 0))
    ? clauses
    : [sentence];
}

function tidy(item: string): string {
  return item
    .trim()
    .replace(/^(?:[-*•–]\s+|\(?\d{1,2}[.)]\s+)/, '')
    .replace(/[\s;,]+(?:and)?\s*$/i, '')
    .replace(/^(?:and|also|that|then)\s+/i, '')
    .trim();
}

// A call with more or longer items would be refused as a whole.
const MAX_ITEMS = 50;
const MAX_ITEM = 1_900;

/** Turns each item into exactly one memory; what no rule understands is kept as a note in the user's words. */
export function toMemories(items: readonly string[], name: string): MemoryToStore[] {
  return items.slice(0, MAX_ITEMS).map((whole) => {
    const item = whole.slice(0, MAX_ITEM).toWellFormed();
    const statements = readText(item, name).flatMap((reading) => reading.statements);
    const [first] = statements;
    if (first !== undefined && statements.length === 1) return toStore(first);
    if (first !== undefined && statements.every((other) => other.relation === first.relation)) {
      const values = statements.map((statement) => statement.value).join(', ');
      return { ...toStore(first), value: values, text: asSentence(aboutPerson(item, name)) };
    }
    return note(item, name);
  });
}

function toStore({ kind, subject, relation, value, text }: Statement): MemoryToStore {
  return { kind, subject, relation, value, text };
}

function note(item: string, name: string): MemoryToStore {
  const value = item.replace(/[\s.!]+$/u, '');
  const is = /^(?:the|our|this) ([^,.;:]{2,60}?) (?:is|are) (.+)$/i.exec(value);
  const text = asSentence(aboutPerson(value, name));
  if (is?.[1] !== undefined && is[2] !== undefined) {
    return { kind: 'fact', subject: is[1].toLowerCase(), relation: 'is', value: is[2], text };
  }
  return { kind: 'fact', subject: 'user', relation: 'note', value, text };
}
