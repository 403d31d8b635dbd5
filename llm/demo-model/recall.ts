import { stem, STOP_WORDS, wordsOf } from '../words.ts';
import { sentencesOf, spellOut } from './clauses.ts';
import type { Conversation, MemoryLine } from './conversation.ts';
import { isQuestion } from './statement.ts';
import { asSentence } from './third-person.ts';

/** Groups of words that mean much the same to a support agent. */
const SYNONYMS = [
  'contact reach notify message sms text email mail phone call whatsapp telegram channel write',
  'live home city town address reside located based country where_place',
  'work job employer company employed occupation profession office',
  'name called named call',
  'prefer favourite favorite like love enjoy preference best',
  'dislike hate avoid',
  'allergy allergic allergen intolerant',
  'eat diet food meal vegan vegetarian dinner lunch',
  'dog cat pet animal puppy kitten',
  'wife husband spouse partner married',
  'son daughter child kid',
  'birthday born birth',
  'age old year',
  'return refund',
  'speak language',
  'size wear fit',
  'answer reply respond style tone',
];
const CONCEPTS = new Map(
  SYNONYMS.flatMap((group) => group.split(' ').map((word) => [stem(word), stem(group.split(' ')[0] ?? '')] as const)),
);
const ASKING_WORDS =
  'know tell remember remind say said think anything something thing things best way good new want need ask question ' +
  'give show find use hi hello hey thanks currently today person people really whats wheres hows whos';
const EMPTY_WORDS = new Set([...STOP_WORDS, ...ASKING_WORDS.split(' ')]);
const MAX_LINES = 4;

/** Answers a question from memory, else from what the user said before, else says that it does not know. */
export function answerFromMemory(question: string, { memories, earlier }: Conversation): string {
  const parts = partsOf(question);
  const found: MemoryLine[] = [];
  for (const part of parts) {
    for (const line of bestLines(part, memories)) if (!found.includes(line)) found.push(line);
  }
  if (found.length > 0) {
    const quotes = found.slice(0, MAX_LINES).map((line) => `${asSentence(line.text)} [${line.label}]`);
    return `From what I remember: ${quotes.join(' ')}`;
  }
  const said = earlierWords(parts, earlier);
  if (said !== null) return `Earlier in this conversation you said: "${said}"`;
  return 'I do not know that yet. Tell me, and I will remember it.';
}

/** Splits "Where do I live and what is my dog called?" into its questions; statements around them are left out. */
export function partsOf(text: string): string[] {
  const sentences = sentencesOf(text);
  const asked = sentences.filter((sentence) => isQuestion(sentence));
  return (asked.length > 0 ? asked : sentences).flatMap((sentence) =>
    sentence.split(
      /(?:,|;|\s+and|\s+or)\s+(?=(?:and )?(?:my|our|what|where|when|who|whom|whose|which|how|why|do|does|is|are|should|can)\b)/i,
    ),
  );
}

/** The memories that speak best of a question or a topic, best first; none where nothing fits. */
export function bestLines(part: string, memories: readonly MemoryLine[]): MemoryLine[] {
  const names = namesIn(memories);
  const all = conceptsOf(part);
  const content = [...all].filter((concept) => !names.has(concept));
  if (content.length === 0) return generalLines(part, all, memories);
  const lines = memories.map((line) => ({ line, concepts: conceptsOf(`${line.text} ${line.kind.replace('_', ' ')}`) }));
  // Rare words decide: a word that every memory holds tells nothing.
  const weigh = (concept: string): number => {
    const holders = lines.filter((one) => one.concepts.has(concept)).length;
    return Math.log(1 + (lines.length + 1) / (holders + 0.5));
  };
  const total = content.reduce((sum, concept) => sum + weigh(concept), 0);
  // "T-shirt size" is not answered by a shoe size: a specific word must match where the question has one.
  const specific = content.filter((concept) => !GENERIC.has(concept));
  const scored = lines
    .filter(({ concepts }) => specific.length === 0 || specific.some((concept) => concepts.has(concept)))
    .map(({ line, concepts }) => ({
      line,
      score: content.filter((concept) => concepts.has(concept)).reduce((sum, one) => sum + weigh(one), 0) / total,
      exact: exactMatches(part, line.text),
    }))
    .filter((one) => one.score >= MIN_COVERAGE)
    .sort((one, other) => other.score - one.score || other.exact - one.exact);
  // What was distilled answers better than the conversation it came from, and says it in one sentence.
  const distilled = scored.filter(({ line }) => line.kind !== 'round');
  const offered = distilled.length > 0 ? distilled : scored;
  const [best] = offered;
  if (best === undefined) return [];
  return offered
    .filter((one) => one.score >= best.score * 0.8 && one.exact >= best.exact)
    .slice(0, MAX_LINES)
    .map((one) => one.line);
}

const GENERIC = new Set(
  ['prefer', 'name', 'size', 'number', 'day', 'date', 'time', 'kind', 'type', 'age', 'live'].map((word) => stem(word)),
);
const MIN_COVERAGE = 0.2;

// "What do you know about me?", "Who is Ana?"
function generalLines(part: string, concepts: ReadonlySet<string>, memories: readonly MemoryLine[]): MemoryLine[] {
  if (concepts.size > 0) {
    const about = memories.filter((line) => [...concepts].some((concept) => conceptsOf(line.text).has(concept)));
    return about.slice(0, MAX_LINES);
  }
  return /\b(?:know|remember|recall|about|who am i|tell me)\b/i.test(part) ? memories.slice(0, MAX_LINES) : [];
}

// Names begin the sentences of memories: "Ana Ruiz prefers …", "The user's name is Ana.".
function namesIn(memories: readonly MemoryLine[]): Set<string> {
  const names = new Set<string>(['user']);
  for (const { text } of memories) {
    const lead = /^((?:\p{Lu}[\p{L}-]*\s?){1,3})(?:'s)?\s\p{Ll}/u.exec(text)?.[1] ?? '';
    const own = /'s name is (.+?)\.?$/u.exec(text)?.[1] ?? '';
    for (const word of wordsOf(`${/^The\b/.test(lead) ? '' : lead} ${own}`)) names.add(stem(word));
  }
  return names;
}

function conceptsOf(text: string): Set<string> {
  const stems = wordsOf(spellOut(text).replace(/\bget (?:in touch|hold of|back to)\b/gi, 'contact'))
    .filter((word) => !EMPTY_WORDS.has(word))
    .map((word) => stem(word));
  return new Set(stems.map((one) => CONCEPTS.get(one) ?? one));
}

function exactMatches(part: string, text: string): number {
  const words = new Set(wordsOf(text).map(stem));
  return new Set(wordsOf(part).filter((word) => !EMPTY_WORDS.has(word) && words.has(stem(word)))).size;
}

function earlierWords(parts: readonly string[], earlier: readonly string[]): string | null {
  const sentences = earlier
    .flatMap((text) => sentencesOf(text.slice(0, 20_000)))
    .filter((sentence) => !isQuestion(sentence));
  for (const part of parts) {
    const wanted = [...conceptsOf(part)];
    const hit = sentences.findLast((sentence) => {
      const concepts = conceptsOf(sentence);
      return wanted.length > 0 && wanted.filter((one) => concepts.has(one)).length / wanted.length >= 0.5;
    });
    if (hit !== undefined && hit.length <= 300) return hit;
  }
  return null;
}
