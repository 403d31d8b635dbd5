import type { Scope } from '../memory/scope.ts';
import { InvalidMessagesError } from './client-errors.ts';
import type { RememberedMessage, RememberOptions, SaidMessage } from './remember.ts';

/** A message of a past conversation, with where its memory lives. */
export interface ImportedMessage extends SaidMessage {
  /** @default the call's `scope` */
  readonly scope?: Scope;
}

/** How {@link HoldfastClient.memory.import} goes about it. */
export interface ImportOptions extends Pick<RememberOptions, 'idempotencyKey' | 'session'> {
  /** Of messages that do not say it themselves. @default `{}`: shared by the whole tenant */
  readonly scope?: Scope;
  /** Called after each batch that was written. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Ends the import after the batches under way; what was written stays. */
  readonly signal?: AbortSignal;
}

/** How far an import has come, in messages. */
export interface ImportProgress {
  /** Written by this call. */
  readonly stored: number;
  /** Written before, by a call with the same key. */
  readonly known: number;
}

/** Writes one batch, as {@link HoldfastClient.memory.remember} does. */
type Remember = (
  messages: readonly SaidMessage[],
  scope: Scope,
  options: RememberOptions,
) => Promise<RememberedMessage[]>;

const mostPerBatch = 1_000;
/** The next batches are made and embedded while one is being committed. */
const underWay = 4;

interface Batch {
  /** Of its first message in the source, from 0. */
  readonly first: number;
  readonly scope: Scope;
  readonly messages: SaidMessage[];
}

/**
 * Remembers a stream of messages of any length, in order, in batches of about a thousand messages of one scope; no more than a few are held
 * in memory. A call that died is repeated with the same source and key: what is there is passed over, the rest is written.
 * Throws what `remember` throws; everything that was written before stays and is known to the next call.
 */
export async function importMessages(
  remember: Remember,
  source: Iterable<ImportedMessage> | AsyncIterable<ImportedMessage>,
  { idempotencyKey, scope = {}, session, onProgress, signal }: ImportOptions,
): Promise<ImportProgress> {
  if (idempotencyKey.trim() === '') throw new InvalidMessagesError('The idempotency key is empty.');
  const progress = { stored: 0, known: 0 };
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const write = async ({ first, scope: own, messages }: Batch): Promise<void> => {
    const receipts = await remember(messages, own, {
      idempotencyKey: `${idempotencyKey}/${first}`,
      session: session ?? idempotencyKey,
    });
    for (const { outcome } of receipts) progress[outcome] += 1;
    onProgress?.({ ...progress });
  };
  try {
    for await (const batch of batchesOf(source, scope)) {
      if (failures.length > 0 || signal?.aborted === true) break;
      const task = write(batch).catch((error: unknown) => void failures.push(error));
      running.add(task);
      void task.finally(() => running.delete(task));
      if (running.size >= underWay) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
  signal?.throwIfAborted();
  return progress;
}

/** Cuts where the scope changes, and after about a thousand messages, but never between a message and its reply. */
async function* batchesOf(
  source: Iterable<ImportedMessage> | AsyncIterable<ImportedMessage>,
  shared: Scope,
): AsyncGenerator<Batch> {
  let batch: Batch | undefined;
  let index = 0;
  for await (const { scope = shared, ...message } of source) {
    const isReply = message.speaker === 'assistant' && batch?.messages.at(-1)?.speaker === 'user';
    const isOver = batch && (!isSame(batch.scope, scope) || (batch.messages.length >= mostPerBatch && !isReply));
    if (batch && isOver) {
      yield batch;
      batch = undefined;
    }
    batch ??= { first: index, scope, messages: [] };
    batch.messages.push(message);
    index += 1;
  }
  if (batch) yield batch;
}

function isSame(a: Scope, b: Scope): boolean {
  return a.user === b.user && a.agent === b.agent && a.thread === b.thread;
}
