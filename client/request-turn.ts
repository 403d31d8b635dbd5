import type { StoredEvent } from '../eventstore/index.ts';
import type { MessageSteered, TurnRequested } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { turnScope } from '../memory/scope.ts';
import { userSubject } from '../memory/subject.ts';
import { AlreadySteeredError, InvalidTurnError, TurnIdTakenError } from './client-errors.ts';
import type { ClientContext, SendTurn } from './send-turn.ts';

/** A turn that stands in the log. */
export interface RequestedTurn {
  readonly turn: string;
  readonly thread: string;
  readonly branch: string;
  readonly agent: string;
  /** It stood there before. */
  readonly replayed: boolean;
}

/** Longest message, in characters. */
const longestMessage = 1_000_000;

/**
 * Puts a message in the log; a repeat finds it there. Throws InvalidTurnError, TurnIdTakenError, AlreadySteeredError and the errors of
 * the store.
 * @param after 'unread' makes a turn of a message that was put into one which ended before it read it @default 'nothing'
 */
export async function requestTurn(
  context: Pick<ClientContext, 'tenant' | 'store'>,
  request: SendTurn,
  { after = 'nothing' }: { readonly after?: 'nothing' | 'unread' } = {},
): Promise<RequestedTurn> {
  const { thread, message, branch = 'main', user = null, turn = crypto.randomUUID(), agent } = request;
  const { occurredAt = new Date() } = request;
  checkRequest({ ...request, turn });
  const stream = streams.turn(turn);
  const receipt = await context.store.append(context.tenant, {
    id: after === 'unread' ? commands.unread(turn) : commands.requestTurn(turn),
    streams: [{ name: stream, expectedVersion: 'none' }],
    events: [
      {
        type: 'TurnRequested',
        stream,
        subjects: user === null ? [] : [userSubject(user)],
        data: { turn, thread, branch, agent, user, message, occurredAt: occurredAt.toISOString() },
      },
    ],
    meta: { actor: user === null ? 'client' : userSubject(user), scope: turnScope({ user, thread }) },
  });
  if (receipt.bodyDiffers) {
    const [first] = await Array.fromAsync(context.store.readStream(context.tenant, stream, { to: 1 }));
    // The key's command put its message into a turn that was running, by the same sender a moment ago or by another one.
    if (first?.type !== 'TurnRequested') throw await takenByMessage(context, request, turn);
    if (!isSameMessage(first, { ...request, branch, user })) throw new TurnIdTakenError(turn, first.data.thread);
  }
  return { turn, thread, branch, agent, replayed: receipt.replayed };
}

async function takenByMessage(
  { tenant, store }: Pick<ClientContext, 'tenant' | 'store'>,
  { thread, message, branch = 'main', user }: SendTurn,
  key: string,
): Promise<TurnIdTakenError | AlreadySteeredError> {
  const [put] = await store.readCommandEvents(tenant, { ids: [commands.requestTurn(key)] });
  if (put?.type !== 'MessageSteered') return new TurnIdTakenError(key, thread);
  return isSameMessage(put, { thread, message, branch, user: user ?? null })
    ? new AlreadySteeredError(key, put.data.turn)
    : new TurnIdTakenError(key, put.data.thread);
}

/** A retry comes with another time; only another message or place makes it another one. */
function isSameMessage(
  { data, forgotten }: StoredEvent<TurnRequested | MessageSteered>,
  given: Pick<SendTurn, 'thread' | 'message'> & {
    readonly branch: string;
    readonly user: string | null;
    readonly agent?: string;
  },
): boolean {
  return (
    // A forgotten message cannot be compared: it is the one of that key.
    (forgotten === true || data.message === given.message) &&
    data.thread === given.thread &&
    data.branch === given.branch &&
    data.user === given.user &&
    (!('agent' in data) || data.agent === given.agent)
  );
}

/** Throws InvalidTurnError for a message, a name or a date that nothing can be made of. */
export function checkRequest({
  thread,
  message,
  branch = 'main',
  user,
  turn = 'new',
  agent,
  occurredAt,
}: SendTurn): void {
  if (message.trim() === '' || message.length > longestMessage) {
    throw new InvalidTurnError(
      `A message needs 1 to ${longestMessage} characters; this one has ${message.trim() === '' ? 0 : message.length}.`,
      'Send some text, or split it.',
    );
  }
  for (const [name, value] of Object.entries({
    thread,
    branch,
    turn,
    agent,
    ...(user === undefined ? {} : { user }),
  })) {
    if (!isPlainId(value)) {
      throw new InvalidTurnError(
        `The ${name} must have 1 to 200 plain characters (percent-encoded); it is ${JSON.stringify(value.slice(0, 40))}.`,
        `Give another ${name}.`,
      );
    }
  }
  if (occurredAt && Number.isNaN(occurredAt.getTime()))
    throw new InvalidTurnError('occurredAt is not a valid date.', 'Give a date, or leave it out for now.');
}

/** True for what may be an id: ids become parts of stream names and workflow ids, percent-encoded. */
export function isPlainId(value: string): boolean {
  return value.isWellFormed() && !value.includes('\0') && value !== '' && encodeURIComponent(value).length <= 200;
}
