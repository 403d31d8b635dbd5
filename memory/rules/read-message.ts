import { holdsOf, relationKey } from '../relations.ts';
import { normaliseText } from '../text.ts';
import { languagesOf, packs } from './languages.ts';
import type { LanguagePack } from './language-pack.ts';
import { readClause, tidy } from './read-clause.ts';
import type { SaidFact } from './read-clause.ts';
import { readTimes } from './times.ts';
import type { SaidTimes } from './times.ts';

/** One thing that a message says, and how it says it. */
export interface Reading extends Omit<SaidFact, 'from'> {
  /** The clause as it stands in the message. */
  readonly text: string;
  readonly times: SaidTimes;
  /** It says that something holds, that it is over, that it does not hold, or that it is to be forgotten. */
  readonly mode: 'holds' | 'past' | 'ended' | 'denied';
  readonly corrects: boolean;
  /** "Porto, not Lisbon": what it replaces. */
  readonly before: string | null;
  readonly from: string | null;
}

/** "It's Porto, not Lisbon", and "forget my shoe size": what they are about is known, or nobody knows. */
export interface Pointing {
  readonly text: string;
  readonly now: string | null;
  readonly before: string;
}

/** What was not read as a fact, and why. */
export interface Unread {
  readonly text: string;
  readonly why: 'question' | 'hypothetical' | 'hearsay' | 'sarcasm' | 'future';
}

/** A message as it was read. */
export interface MessageReading {
  readonly readings: readonly Reading[];
  readonly pointings: readonly Pointing[];
  readonly unread: readonly Unread[];
}

const mostText = 20_000;
/** Patterns can take time that grows with the square of a sentence, and nobody states a fact in more. */
const longestSentence = 600;

/** Reads what a person says in a message, by fixed rules. Quoted lines, quoted speech and code are not theirs. */
export function readMessage(text: string, now: Date): MessageReading {
  const readings: Reading[] = [];
  const pointings: Pointing[] = [];
  const unread: Unread[] = [];
  const own = text
    .slice(0, mostText)
    .replace(/```[\s\S]*?(?:```|$)/g, ' ')
    .replace(/^\s*>.*$/gm, ' ')
    .replace(/[‘’ʼ]/g, "'");
  for (const sentence of sentencesOf(own)) {
    if (sentence.length > longestSentence) continue;
    const languages = languagesOf(sentence, own).map((language) => packs[language]);
    const pack = packOf(sentence, languages, now);
    // Whichever of the languages it is: what may be a question or irony is not a fact.
    const aside = [...languages, pack].map((one) => whyUnread(sentence, one)).find((why) => why !== null) ?? null;
    if (aside !== null) {
      if (aside === 'question' || aside === 'sarcasm' || clausesOf(unfiltered(sentence, pack), pack, now).length > 0)
        unread.push({ text: sentence, why: aside });
      continue;
    }
    const { body, corrects } = strip(sentence, pack);
    const forgotten = pack.forgets.exec(body)?.groups?.['what'];
    if (forgotten !== undefined) {
      const [meant] = clausesOf(forgotten, pack, now);
      if (meant) readings.push({ ...meant, mode: 'ended' });
      else pointings.push({ text: sentence, now: null, before: forgotten });
      continue;
    }
    const found = clausesOf(body, pack, now);
    for (const reading of found) {
      if (reading.times.isFuture) unread.push({ text: reading.text, why: 'future' });
      else readings.push({ ...reading, corrects: corrects || reading.before !== null });
    }
    if (found.length > 0) continue;
    const swap = swapIn(body, pack);
    if (swap) pointings.push({ text: sentence, now: tidy(swap.now, pack), before: tidy(swap.before, pack) });
  }
  return { readings, pointings, unread };
}

/** The first language that can read the sentence: of those that it may well be in, or else of all. */
function packOf(sentence: string, languages: readonly LanguagePack[], now: Date): LanguagePack {
  const able = [...languages, ...Object.values(packs)].find((pack) => clausesOf(sentence, pack, now).length > 0);
  return able ?? languages[0] ?? packs.en;
}

function sentencesOf(text: string): string[] {
  return text
    .split(/\r?\n+/)
    .flatMap((line) => line.split(/(?<=[.!?…][")»”]?)\s+(?=[\p{Lu}\p{N}¿¡"«„“]|[^\p{L}])|(?<=[.!?])\s+/u))
    .map((sentence) => sentence.trim().replace(/^[¡¿]/, ''))
    .filter((sentence) => /\p{L}/u.test(sentence));
}

function whyUnread(sentence: string, pack: LanguagePack): Unread['why'] | null {
  if (/[?？]["')»”]*$/u.test(sentence)) return 'question';
  const { body } = strip(sentence, pack);
  if (pack.sarcasm.test(sentence)) return 'sarcasm';
  if (pack.questions.test(body)) return 'question';
  if (pack.hearsay.test(sentence)) return 'hearsay';
  return pack.hypotheticals.test(sentence) ? 'hypothetical' : null;
}

/** The part of a sentence after "Bo says that": so that what was left out can be told from what says nothing. */
function unfiltered(sentence: string, pack: LanguagePack): string {
  const { body } = strip(sentence, pack);
  return body
    .replace(pack.hearsay, ' ')
    .replace(pack.hypotheticals, ' ')
    .replace(/^[\s,:]*(?:that|dass|que|qu')?\s*/i, '');
}

function strip(sentence: string, pack: LanguagePack): { readonly body: string; readonly corrects: boolean } {
  let body = sentence;
  let corrects = false;
  for (let before = ''; before !== body;) {
    before = body;
    body = body.replace(pack.fillers, '');
    const corrected = body.replace(pack.corrections, '');
    if (corrected !== body && corrected !== '') {
      corrects = true;
      body = corrected;
    }
  }
  return { body, corrects };
}

/** Splits where a part says something by itself; what does not belongs to the part before it ("tea and coffee"). */
function clausesOf(body: string, pack: LanguagePack, now: Date): Reading[] {
  const pieces = body.split(new RegExp(`(${pack.joins.source})`, pack.joins.flags));
  const clauses: string[] = [];
  for (let at = 0; at < pieces.length; at += 2) {
    const piece = pieces[at] ?? '';
    const last = clauses.at(-1);
    // A subject that is not said again is the one before.
    const whole = last === undefined || readOne(piece, pack, now) ? piece : `${subjectOf(last, pack)}${piece}`;
    if (last !== undefined && !readOne(whole, pack, now))
      clauses[clauses.length - 1] = `${last}${pieces[at - 1] ?? ''}${piece}`;
    else clauses.push(whole);
  }
  return clauses.flatMap(
    (clause) => readOne(clause, pack, now) ?? readOne(clause.split(pack.joins)[0] ?? '', pack, now) ?? [],
  );
}

function subjectOf(clause: string, pack: LanguagePack): string {
  const found = new RegExp(`^${pack.kin} `, 'iu').exec(clause);
  // The pattern ignores case, so the verb may stand where a name would.
  const { kinName } = found?.groups ?? {};
  if (found)
    return kinName === undefined || /^\p{Lu}/u.test(kinName) ? found[0] : found[0].slice(0, -kinName.length - 1);
  const other = /^(?!I |Ich |Je |Yo |Eu )\p{Lu}[\p{L}'-]+ (?=\p{Ll})/u.exec(clause)?.[0];
  return readOne(clause, pack, new Date(0))?.subject === 'user' ? pack.elided : (other ?? pack.elided);
}

function readOne(clause: string, pack: LanguagePack, now: Date): Reading | null {
  const { body: stripped, corrects } = strip(clause.trim(), pack);
  const negation = pack.negations.find(({ find }) => find.test(stripped));
  const plain = negation ? stripped.replace(negation.find, negation.put).trim() : stripped;
  const temporary = pack.temporary.test(plain);
  const times = readTimes(plain.replace(pack.temporary, ' ').replace(/\s+/g, ' ').trim(), now, !temporary);
  const swap =
    /,/.test(times.rest) || / not | nicht | pas | no | não /i.test(times.rest) ? swapIn(times.rest, pack) : null;
  const said = (swap && readClause(swap.now, pack)) ?? readClause(times.rest, pack) ?? readClause(plain, pack);
  if (!said) return null;
  const { saying } = said;
  const isHome = said.relation === 'lives_in' && temporary;
  const mode = negation
    ? negation.longer
      ? 'ended'
      : 'denied'
    : saying.isEnd
      ? 'ended'
      : saying.isPast
        ? 'past'
        : 'holds';
  return {
    ...said,
    relation: isHome ? 'staying_in' : said.relation,
    text: clause.trim(),
    times,
    mode,
    corrects: corrects || swap !== null,
    before: swap ? tidy(swap.before, pack) : null,
  };
}

function swapIn(text: string, pack: LanguagePack): { readonly now: string; readonly before: string } | null {
  for (const pattern of pack.swaps) {
    const { now, before } = pattern.exec(text.replace(/[.!]+$/, ''))?.groups ?? {};
    if (now !== undefined && before !== undefined) return { now, before };
  }
  return null;
}

/** True when only one value can hold and both are about one thing: the later of one message stands. */
export function isSameSlot(
  a: Pick<Reading, 'subject' | 'relation'>,
  b: Pick<Reading, 'subject' | 'relation'>,
): boolean {
  return (
    normaliseText(a.subject) === normaliseText(b.subject) &&
    relationKey(a.relation) === relationKey(b.relation) &&
    holdsOf(a.relation) === 'one'
  );
}
