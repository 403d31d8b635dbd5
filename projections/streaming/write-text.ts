import type pg from 'pg';
import { cleanText, retryConnection } from '../../eventstore/index.ts';
import type { Position } from '../../eventstore/index.ts';
import type { StreamHub, StreamPlace } from './hub.ts';

/** Where words go while a model writes them. */
export interface TextStreamOptions {
  readonly pool: pg.Pool;
  readonly hub: StreamHub;
  readonly place: StreamPlace;
  readonly tenantNumber: number;
  readonly step: number;
  /** Whom the words are about, and what they were derived from: a forgotten subject's words are not kept. */
  readonly subjects: readonly string[];
  readonly readAt: Position;
  /** Told once when rows cannot be written; the reply is not touched by it. */
  readonly onFailure: (error: unknown) => void;
  /** Words are collected for so long before a row is written, in milliseconds. @default 80 */
  readonly flushMs?: number;
}

/** The words of one model call on their way to whoever looks on. */
export interface TextStream {
  readonly push: (piece: string) => void;
  /** Ends the stream once the row that is being written is there. Gives how many rows were written; words not yet in a row are dropped: the log has them. */
  end(): Promise<number>;
}

/**
 * Opens the stream of one model call. A call that ends within the first `flushMs` writes no row. Never throws and never makes the call
 * wait: rows are written beside it, one at a time.
 */
export function openTextStream(options: TextStreamOptions): TextStream {
  const { pool, hub, place, tenantNumber, step, flushMs = 80 } = options;
  const id = crypto.randomUUID();
  let text = '';
  let held = '';
  let written = 0;
  let seq = 0;
  let attempt: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();
  let isOpen = true;

  return {
    push(piece) {
      if (!isOpen) return;
      const whole = held + piece;
      // Half of a surrogate pair waits for its other half: alone it could not be stored.
      held = /[\uD800-\uDBFF]$/.exec(whole)?.[0] ?? '';
      text += cleanText(whole.slice(0, whole.length - held.length));
      hub.publish(place, { step, attempt: id, text });
      timer ??= setTimeout(startFlush, flushMs);
    },
    async end() {
      isOpen = false;
      clearTimeout(timer);
      hub.withdraw(place, id);
      await flushing;
      return seq;
    },
  };

  function startFlush(): void {
    flushing = flush().catch((error: unknown) => {
      isOpen = false;
      options.onFailure(error);
    });
  }

  async function flush(): Promise<void> {
    const content = text.slice(written);
    const { rows } = await retryConnection(() =>
      pool.query<{ attempt: number | null }>(
        'select holdfast.put_text_chunk($1, $2, $3, $4, $5, $6, $7, $8) as attempt',
        [...[tenantNumber, place.turn, step, attempt, seq, content], ...[options.subjects, options.readAt]],
      ),
    );
    attempt = rows[0]?.attempt ?? null;
    // A subject was forgotten meanwhile: nothing more is kept.
    if (attempt === null) isOpen = false;
    written += content.length;
    seq += 1;
    timer = undefined;
    if (isOpen && text.length > written) timer = setTimeout(startFlush, flushMs);
  }
}

/** Deletes the words of a turn that has ended; without a turn, those of all that have. */
export async function trimText(pool: pg.Pool, tenantNumber: number, turn: string | null): Promise<void> {
  await retryConnection(() => pool.query('select holdfast.trim_text_chunks($1, $2)', [tenantNumber, turn]));
}
