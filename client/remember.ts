import { nameOf } from '../projections/digest.ts';
import type { NewEvent } from '../eventstore/index.ts';
import type { Embedder } from '../llm/ports.ts';
import type { MemoryEvent } from '../memory/events.ts';
import type { Scope } from '../memory/scope.ts';
import { mainBranch } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { roundTexts } from '../projections/search/projection.ts';
import { InvalidMessagesError, MessagesDifferError } from './client-errors.ts';
import { embedTexts } from './embed-texts.ts';
import type { ClientContext } from './send-turn.ts';

/** Something that was said, before or elsewhere. */
export interface SaidMessage {
  /** `user` and `assistant`, or the name of who said it. */
  readonly speaker: string;
  readonly text: string;
  /** When it was said. @default the call's `occurredAt`, else the time of the message before it, else now */
  readonly at?: Date;
  /** The conversation it was part of. @default the call's `session` */
  readonly session?: string;
}

/** How {@link HoldfastClient.memory.remember} goes about it. */
export interface RememberOptions {
  /** Names this call: repeated with the same key, it does nothing and gives the same receipt. Needed. */
  readonly idempotencyKey: string;
  /** When the first message was said, for messages that do not say it themselves. @default now */
  readonly occurredAt?: Date;
  /** The conversation the messages were part of, for those that do not say it themselves. @default the idempotency key */
  readonly session?: string;
  /** Called after each part that was written. */
  readonly onProgress?: (progress: RememberProgress) => void;
}

/** How far a call has come. */
export interface RememberProgress {
  readonly messages: number;
  readonly of: number;
}

/** What became of one message. */
export interface RememberedMessage {
  /** The memory it is recalled as. */
  readonly id: string;
  readonly outcome: 'stored' | 'known';
}

const mostPerCommand = 250;

/**
 * Remembers messages as rounds, with their original times: a message of `user` and the reply of `assistant` after it are one round, every
 * other message is one of its own. Written in parts of a few hundred messages, each wholly or not at all; a call that died is repeated with
 * the same messages and key, and goes on where it stopped. Gives one receipt per message, in order.
 * Throws InvalidMessagesError, MessagesDifferError when the key was used for other messages, SubjectForgottenError.
 */
export async function rememberMessages(
  context: ClientContext & { readonly embedder: Embedder | undefined },
  { messages, scope, options }: { messages: readonly SaidMessage[]; scope: Scope; options: RememberOptions },
): Promise<RememberedMessage[]> {
  const { idempotencyKey, onProgress } = options;
  assertMessages(messages, idempotencyKey);
  const rounds = toRounds(messages, scope, options);
  const tenant = await context.store.tenantNumber(context.tenant);
  const receipts: RememberedMessage[] = [];
  const parts = Math.ceil(rounds.length / mostPerCommand);
  for (let part = 0; part < parts; part++) {
    const own = rounds.slice(part * mostPerCommand, (part + 1) * mostPerCommand);
    const command = toCommand({ key: idempotencyKey, scope, part, rounds: own });
    const known = await context.store.readCommand(context.tenant, command.id);
    if (!known) {
      const texts = own.flatMap(({ data }) => roundTexts(data));
      await embedTexts(context, { tenant, texts, subjects: subjectsOf(scope) });
    }
    const { replayed, bodyDiffers } = await context.store.append(context.tenant, command);
    if (bodyDiffers && isTimed(messages, options)) throw new MessagesDifferError(idempotencyKey);
    for (const { data } of own) {
      const outcome = replayed ? 'known' : 'stored';
      receipts.push({ id: data.round, outcome });
      if (data.reply !== null) receipts.push({ id: `${data.round}/reply`, outcome });
    }
    onProgress?.({ messages: receipts.length, of: messages.length });
  }
  return receipts;
}

type Round = Extract<MemoryEvent, { readonly type: 'RoundRecorded' }>;

function toRounds(messages: readonly SaidMessage[], scope: Scope, options: RememberOptions): Round[] {
  const rounds: Round[] = [];
  let at = options.occurredAt ?? new Date();
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index];
    if (!message) continue;
    at = message.at ?? at;
    const next = messages[index + 1];
    const session = message.session ?? options.session ?? options.idempotencyKey;
    const reply =
      message.speaker === 'user' &&
      next?.speaker === 'assistant' &&
      (next.session ?? options.session ?? options.idempotencyKey) === session
        ? next
        : null;
    const round = `i-${nameOf([scope, options.idempotencyKey, index])}`;
    rounds.push({
      type: 'RoundRecorded',
      data: {
        thread: session,
        branch: mainBranch,
        turn: round,
        round,
        scope,
        agent: scope.agent ?? '',
        message: { speaker: message.speaker, text: message.text },
        reply: reply === null ? null : { speaker: reply.speaker, text: reply.text },
        occurredAt: at.toISOString(),
      },
    });
    if (reply !== null) index += 1;
  }
  return rounds;
}

function toCommand({
  key,
  scope,
  part,
  rounds,
}: {
  key: string;
  scope: Scope;
  part: number;
  rounds: readonly Round[];
}) {
  const name = nameOf([scope, key]);
  const stream = `import/${name}`;
  return {
    id: `import/${name}/${part}`,
    streams: [{ name: stream, expectedVersion: 'any' as const }],
    events: rounds.map((event): NewEvent<MemoryEvent> & Round => ({ ...event, stream, subjects: subjectsOf(scope) })),
    meta: { actor: 'import' },
  };
}

/** Without times of their own, messages that are sent again have other ones: then nothing is compared. */
function isTimed(messages: readonly SaidMessage[], { occurredAt }: RememberOptions): boolean {
  return occurredAt !== undefined || messages[0]?.at !== undefined;
}

function assertMessages(messages: readonly SaidMessage[], key: string): void {
  if (key.trim() === '') throw new InvalidMessagesError('The idempotency key is empty.');
  messages.forEach(({ speaker, text, at }, index) => {
    if (speaker === '') throw new InvalidMessagesError(`Message ${index} has no speaker.`);
    if (typeof text !== 'string') throw new InvalidMessagesError(`Message ${index} has no text.`);
    if (at !== undefined && Number.isNaN(at.getTime()))
      throw new InvalidMessagesError(`Message ${index} has a time that is none.`);
  });
}
