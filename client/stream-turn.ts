import { readViews } from '../projections/read-views.ts';
import type { StreamHub } from '../projections/streaming/hub.ts';
import { readEnd, readProgress, readText } from '../projections/streaming/queries.ts';
import type { TextRow } from '../projections/streaming/queries.ts';
import { StreamTimeoutError, TurnNotFoundError } from './client-errors.ts';
import { getTurn, sendTurn } from './send-turn.ts';
import type { ClientContext, SendTurn } from './send-turn.ts';
import { createTeller } from './tell-turn.ts';
import type { Teller, TurnStreamItem, Words } from './tell-turn.ts';

export interface StreamOptions {
  /** Offset of the last item that was received; what came after it follows. @default the beginning of the turn */
  readonly from?: string;
  /** Ends the iteration with the signal's reason; the turn goes on. */
  readonly signal?: AbortSignal;
  /** Throws StreamTimeoutError when the turn has not ended after so long; the turn goes on. @default no limit */
  readonly timeoutMs?: number;
}

/** What a stream needs besides what all calls of a client share. */
export interface StreamContext extends ClientContext {
  readonly hub: StreamHub | undefined;
}

const busyPauseMs = 60;
/** Nothing has happened for so long: a person is asked, or a long tool runs. */
const idleAfterMs = 10_000;
const idlePauseMs = 500;

/**
 * A turn as it happens: words while the model writes them, tools, approvals, and at the end the result. Who comes late gets everything so
 * far at once. Reads the database every 60 ms, twice a second when nothing happens, and the hub where worker and client share one; Temporal is asked only to start the
 * turn, when a request is given instead of an id. The words that stand in the end are those of the log.
 * Throws InvalidOffsetError, TurnNotFoundError, StreamTimeoutError, and for a request what `send` throws.
 */
export async function* streamTurn(
  context: StreamContext,
  what: string | SendTurn,
  { from, signal, timeoutMs = Infinity }: StreamOptions = {},
): AsyncGenerator<TurnStreamItem, void, undefined> {
  const teller = createTeller(from);
  const deadline = Date.now() + timeoutMs;
  const turn = typeof what === 'string' ? what : (what.turn ?? crypto.randomUUID());
  const stopping = new AbortController();
  const bell = createBell();
  const starting =
    typeof what === 'string' ? undefined : startBeside(context, { ...what, turn }, stopping.signal, bell.ring);
  const deafen = context.hub?.listen({ tenant: context.tenant, turn }, bell.ring);
  signal?.addEventListener('abort', bell.ring);
  const read = createReader(context, turn, teller);
  try {
    for (let lastNews = Date.now(); ;) {
      signal?.throwIfAborted();
      starting?.throwIfFailed();
      const isThere = starting?.isAccepted() ?? true;
      const { end, items } = isThere ? await read() : { end: 'open', items: [] };
      if (end === 'unknown') throw new TurnNotFoundError(turn);
      for (const item of items) {
        yield item;
        signal?.throwIfAborted();
      }
      if (end === 'ended') {
        yield { type: 'done', offset: teller.offset(), turn: await getTurn(context, turn) };
        return;
      }
      if (Date.now() >= deadline) throw new StreamTimeoutError(turn, teller.offset(), timeoutMs);
      if (items.length > 0) lastNews = Date.now();
      const pause = Date.now() - lastNews < idleAfterMs ? busyPauseMs : idlePauseMs;
      await bell.wait(Math.min(pause, Math.max(1, deadline - Date.now())));
    }
  } finally {
    stopping.abort();
    deafen?.();
    signal?.removeEventListener('abort', bell.ring);
  }
}

interface News {
  readonly end: 'unknown' | 'open' | 'ended';
  readonly items: readonly TurnStreamItem[];
}

/** Reads what is new since the last call: events and words in one snapshot, so that what an ended turn shows is all there is. */
function createReader(context: StreamContext, turn: string, teller: Teller): () => Promise<News> {
  let rows = { step: 0, attempt: 0, seq: -1, text: '' };
  return async () => {
    // Before the log is read: words that are withdrawn in between stand there.
    const live = context.hub?.look({ tenant: context.tenant, turn });
    const tenant = await context.store.tenantNumber(context.tenant);
    return readViews(context.pool, tenant, async (reader) => {
      const end = await readEnd(reader, turn);
      if (end === undefined) return { end: 'unknown', items: [] };
      const items = [...teller.progress(await readProgress(reader, { turn, from: teller.position }))];
      if (end !== null) return { end: 'ended', items };
      const step = teller.openStep;
      if (live?.step === step) return { end: 'open', items: [...items, ...teller.words(liveWords(live))] };
      if (rows.step !== step) rows = { step, attempt: 0, seq: -1, text: '' };
      for (const row of await readText(reader, { turn, step, after: rows })) rows = appended(rows, row);
      return { end: 'open', items: rows.text === '' ? items : [...items, ...teller.words(writtenWords(rows))] };
    });
  };
}

type Rows = Readonly<TextRow> & { readonly text: string };

/** A row after a missing one (an unlogged table can lose rows) is left alone: the log will have the words. */
function appended<T extends Omit<Rows, 'content'>>(before: T, { attempt, seq, content }: TextRow): T {
  const base = attempt === before.attempt ? before : { ...before, attempt, seq: -1, text: '' };
  return seq === base.seq + 1 ? { ...base, seq, text: base.text + content } : base;
}

const liveWords = ({ attempt, text }: { attempt: string; text: string }): Words => ({
  attempt: `live/${attempt}`,
  text,
});
const writtenWords = ({ attempt, text }: { attempt: number; text: string }): Words => ({
  attempt: `row/${attempt}`,
  text,
});

/** Sends the request while the stream reads along; rings when the reply is there, so that the end is told at once. */
function startBeside(context: ClientContext, request: SendTurn, signal: AbortSignal, ring: () => void) {
  let failure: { readonly error: unknown } | undefined;
  let isAccepted = false;
  const onAccepted = (): void => {
    isAccepted = true;
    ring();
  };
  sendTurn(context, request, { signal, onAccepted })
    .catch((error: unknown) => {
      failure = { error };
    })
    .finally(ring);
  return {
    /** The log has the request: until then a turn of that id would be another one. */
    isAccepted: () => isAccepted,
    throwIfFailed(): void {
      if (failure) throw failure.error;
    },
  };
}

/** A pause that can be cut short, also by what happened before it began. */
function createBell(): { readonly ring: () => void; wait(ms: number): Promise<void> } {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait(ms) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
      rung = false;
    },
  };
}
