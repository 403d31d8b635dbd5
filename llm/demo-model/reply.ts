import { type Conversation, type DemoMessage, isRecord, readConversation, toObject } from './conversation.ts';
import { type ExtractionMessage, extractProposals, type KnownMemory } from './extract.ts';
import { answerFromMemory, partsOf } from './recall.ts';
import { emptyValueOf } from './schema-value.ts';
import { isQuestion } from './statement.ts';
import { summaryReply } from './summarise.ts';
import { describeResults } from './tool-results.ts';
import type { WantedCall } from './tool-step.ts';
import { nextToolStep } from './tool-use.ts';

/** The parts of a chat request that decide the reply. */
export interface DemoRequest {
  readonly messages: readonly DemoMessage[];
  /** Names of the offered tools. */
  readonly tools: readonly string[];
  /** Set when JSON was asked for; `name` and `schema` only where a schema was given. */
  readonly format: { readonly name: string | null; readonly schema: unknown } | null;
}

/** What the demo model replies: text, or tool calls. */
export type DemoReply = { readonly text: string } | { readonly calls: readonly WantedCall[] };

/** Decides the reply to a request by fixed rules: same request, same reply. */
export function decideReply(request: DemoRequest): DemoReply {
  const conversation = readConversation(request.messages);
  const extraction = extractionReply(request, conversation);
  if (extraction !== null) return { text: extraction };
  const summary = summaryReply(request.messages);
  if (summary !== null) return { text: summary };
  if (request.format !== null) return { text: JSON.stringify(emptyValueOf(request.format.schema) ?? {}) };
  const step = nextToolStep(conversation, request.tools);
  if (step !== null) return 'calls' in step ? { calls: step.calls } : { text: withResults(step.say, conversation) };
  if (conversation.finished.length > 0) return { text: resultReply(conversation) };
  return { text: talk(conversation) };
}

// Servers without JSON schemas get the schema as an instruction, so the payload itself also tells an extraction.
function extractionReply({ format, messages }: DemoRequest, { said }: Conversation): string | null {
  const isInstructed = messages.some((message) => message.role === 'system' && message.content.includes('"proposals"'));
  const isNamed = format?.name === 'memory_proposals';
  if (!isNamed && !(isInstructed && (format === null || format.name === null))) return null;
  const payload = toObject(said);
  if (!isNamed && !Array.isArray(payload['messages'])) return null;
  const messagesIn = listOf(payload['messages']).filter(isExtractionMessage);
  return JSON.stringify({ proposals: extractProposals(messagesIn, listOf(payload['known']).filter(isKnownMemory)) });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isExtractionMessage(value: unknown): value is ExtractionMessage {
  return (
    isRecord(value) &&
    typeof value['id'] === 'number' &&
    typeof value['speaker'] === 'string' &&
    typeof value['text'] === 'string'
  );
}

function isKnownMemory(value: unknown): value is KnownMemory {
  return (
    isRecord(value) &&
    typeof value['alias'] === 'number' &&
    ['kind', 'subject', 'relation', 'value', 'text'].every((key) => typeof value[key] === 'string')
  );
}

function withResults(say: string, { finished }: Conversation): string {
  return finished.length === 0 ? say : `${describeResults(finished)} ${say}`;
}

function resultReply(conversation: Conversation): string {
  const results = describeResults(conversation.finished);
  const questions = partsOf(conversation.said).filter((part) => isQuestion(part));
  const onlyMemory = conversation.finished.every((call) => call.name === 'memory_remember');
  const asksMemory = /\b(?:can|could|would|will) you\b/i.test(questions[0] ?? '');
  // "Remember that …. And what is my name?": the question is still open.
  if (!onlyMemory || questions.length === 0 || asksMemory) return results;
  return `${results} ${answerFromMemory(questions.join(' '), conversation)}`;
}

function talk(conversation: Conversation): string {
  const { said, memories } = conversation;
  const text = said.trim();
  if (text === '') return 'Hello. How can I help?';
  if (/\b(?:who|what) are you\b|\bwhat can you do\b|\bare you (?:an? )?(?:ai|bot|human|real)\b|^help\W*$/i.test(text))
    return INTRODUCTION;
  if (isQuestion(text) || partsOf(text).some((part) => isQuestion(part))) {
    return answerFromMemory(text, conversation);
  }
  const name = memories
    .map((line) => /^The user's name is (\S+?)[\s.]*(?:\s.*)?$/.exec(line.text)?.[1])
    .find((one) => one !== undefined);
  if (/^(?:hi|hello|hey|good (?:morning|afternoon|evening))\b[^.!?]{0,30}[.!]*$/i.test(text)) {
    return name === undefined ? 'Hello. How can I help?' : `Hello, ${name}. How can I help?`;
  }
  if (/^(?:many )?(?:thanks|thank you|cheers|great|perfect)\b/i.test(text) && text.length < 80)
    return 'You are welcome.';
  if (/^(?:bye|goodbye|see you|good night)\b/i.test(text)) return 'Goodbye.';
  return 'Understood.';
}

const INTRODUCTION =
  'I am the Holdfast demo model: a script, not an AI. I answer from memory, remember what you ask me to, look up orders ' +
  'such as A-1001 and refund them. Try: "Please remember that I prefer SMS", then "How should you contact me?".';
