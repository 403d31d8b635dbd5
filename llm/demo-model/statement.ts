import { type Clause, clausesOf, HOW_TO, isHowTo, sentencesOf } from './clauses.ts';
import { channelOf, type Draft, type MemoryKind } from './drafts.ts';
import { RULES } from './statement-rules.ts';
import { aboutPerson, asSentence, capitalise, inThirdPerson, possessive } from './third-person.ts';

/** One thing that a person said about themselves, another person or a way of doing something. */
export interface Statement {
  readonly kind: MemoryKind;
  /** `user`, or the name of whoever it is about. */
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  /** A sentence in the third person that can be understood alone. */
  readonly text: string;
  readonly confidence: number;
}

/** A clause with what could be read from it; no statements means that no rule fits. */
export interface Reading {
  readonly clause: Clause;
  readonly statements: readonly Statement[];
}

const MAX_TEXT = 50_000;
const MAX_SENTENCE = 2_000;

/** Reads all statements of a text. `name` is what the speaker is called in the texts, for example `Ana` or `The user`. */
export function readText(text: string, name: string): Reading[] {
  // Patterns take time that can grow with the square of a sentence; nobody states a fact in 2,000 characters.
  return sentencesOf(text.slice(0, MAX_TEXT))
    .filter((sentence) => sentence.length <= MAX_SENTENCE)
    .filter((sentence) => !isQuestion(sentence) && !isSupposed(sentence))
    .flatMap((sentence) => clausesOf(sentence))
    .map((clause) => ({ clause, statements: readClause(clause, name) }));
}

/** True for a sentence that asks, with or without a question mark. */
export function isQuestion(sentence: string): boolean {
  const text = sentence.trim();
  if (/[?？]["')]?$/u.test(text)) return true;
  return (
    /^(?:(?:and|so|but|ok|okay|hey|hi|please)[,\s]+)*(?:what'?s?|who'?s?|where'?s|how'?s|whom|whose|where|when|which|why|how (?!to\b)|do you|does|did|is there|are there|can you tell|could you tell|tell me|remind me|show me|list)\b/i.test(
      text,
    ) && !isHowTo(text)
  );
}

function isSupposed(sentence: string): boolean {
  return /^(?:if|suppose|imagine|let's say|say)\b/i.test(sentence) && !isHowTo(sentence);
}

function readClause(clause: Clause, name: string): Statement[] {
  const howTo = isHowTo(clause.text) ? HOW_TO.exec(clause.text) : null;
  if (howTo?.[1] !== undefined) {
    const goal = howTo[1].trim();
    const text = asSentence(capitalise(clause.text));
    return [{ kind: 'procedure', subject: 'user', relation: 'how_to', value: goal, text, confidence: 0.85 }];
  }
  const { subject, text, called } = intoFirstPerson(clause.text, name);
  for (const rule of RULES) {
    const match = rule.pattern.exec(text);
    if (match === null) continue;
    const drafts = rule.read(
      match.slice(1).map((group: string | undefined) => group?.trim() ?? ''),
      text,
    );
    if (drafts.length > 0) return drafts.map((draft) => toStatement(draft, subject, called, clause.hedged));
  }
  return [];
}

function toStatement(draft: Draft, subject: string, called: string, hedged: boolean): Statement {
  const owner = draft.relation === 'name' && subject === 'user' ? 'The user' : called;
  const text =
    'owns' in draft
      ? `${possessive(owner)} ${inThirdPerson(draft.owns)}`
      : 'says' in draft
        ? `${owner} ${inThirdPerson(draft.says)}`
        : aboutPerson(draft.sentence, owner);
  const confidence = draft.confidence ?? 0.9;
  return {
    kind: draft.kind,
    subject,
    relation: draft.relation,
    value: draft.value,
    text: asSentence(text),
    confidence: hedged ? 0.5 : confidence,
  };
}

const NOT_A_NAME =
  /^(?:it|this|that|these|those|the|there|here|what|he|she|they|we|you|i|my|our|your|their|his|her|please|order|today|tomorrow|yesterday|everything|everyone|nothing|something|somebody|someone|nobody|a|an|no|yes|not|let|who|where|when|how|why|which|thanks|sorry|maybe|both|all|one|some|every|each|another|and|or|but|if|use|make|note|remember|call|contact)$/i;
const NAMED = String.raw`\p{Lu}[\p{L}'-]*`;
const ABOUT_OTHER = new RegExp(
  String.raw`^(${NAMED}(?: ${NAMED}){0,2}) ((?:(?:now|really|always|also|still|usually|currently) )*)(prefers|likes|loves|hates|dislikes|enjoys|lives|works|moved|is|has|speaks|plays|uses|wears|drives|owns|was|needs|wants|does not|cannot)\b(.*)$`,
  'su',
);
const OF_OTHER = new RegExp(String.raw`^(${NAMED}(?: ${NAMED}){0,2})'s (.+)$`, 'su');
const FIRST_PERSON: Readonly<Record<string, string>> = {
  is: 'am',
  has: 'have',
  was: 'was',
  moved: 'moved',
  cannot: 'cannot',
  'does not': 'do not',
};

// "Ana prefers SMS" follows the same rules as "I prefer SMS", with Ana as the subject.
function intoFirstPerson(text: string, name: string): { subject: string; text: string; called: string } {
  const about = ABOUT_OTHER.exec(text);
  if (about !== null) {
    const [, who = '', adverbs = '', verb = '', rest = ''] = about;
    if (!NOT_A_NAME.test(who.split(' ')[0] ?? '') && channelOf(who) === null) {
      const verbNow = FIRST_PERSON[verb] ?? verb.slice(0, -1);
      return { ...whoIs(who, name), text: `I ${adverbs}${verbNow}${rest}` };
    }
  }
  const of = OF_OTHER.exec(text);
  if (of?.[1] !== undefined && of[2] !== undefined && !NOT_A_NAME.test(of[1].split(' ')[0] ?? '')) {
    return { ...whoIs(of[1], name), text: `my ${of[2]}` };
  }
  return { subject: 'user', text, called: name };
}

function whoIs(who: string, name: string): { subject: string; called: string } {
  const isSpeaker = who === name || who === name.split(' ')[0];
  return isSpeaker ? { subject: 'user', called: name } : { subject: who, called: who };
}
