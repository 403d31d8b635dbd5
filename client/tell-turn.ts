import { createHash } from 'node:crypto';
import type { ProgressRow } from '../projections/streaming/queries.ts';
import { InvalidOffsetError } from './client-errors.ts';
import type { TurnResult } from './send-turn.ts';

/** One thing that happened in a turn, in order. `offset` names the place after it: hand it back as `from` to go on there. */
export type TurnStreamItem =
  /** Words of the model since the last item of this step: of its reply, or of what it says before it calls tools. */
  | { readonly type: 'text'; readonly offset: string; readonly step: number; readonly text: string }
  /** The words of this step so far do not stand: the model was asked again. Drop them; the step's words begin anew. */
  | { readonly type: 'reset'; readonly offset: string; readonly step: number }
  | {
      readonly type: 'tool';
      readonly offset: string;
      readonly state: 'started' | 'ended';
      readonly step: number;
      /** Place among the step's calls, from 0. */
      readonly ordinal: number;
      readonly tool: string;
      /** ok, failed, …; null when it has started. */
      readonly outcome: string | null;
    }
  | {
      readonly type: 'approval';
      readonly offset: string;
      readonly state: 'waiting' | 'decided';
      readonly approval: string;
      readonly step: number;
      readonly ordinal: number;
      readonly tool: string;
      /** approve, edit, respond or reject; null while it waits. */
      readonly decision: string | null;
    }
  /** The turn has ended; the last item. */
  | { readonly type: 'done'; readonly offset: string; readonly turn: TurnResult };

type Told<Item = TurnStreamItem> = Item extends { readonly offset: string } ? Omit<Item, 'offset'> : never;

/** Words of a model call: those in the log, or of a call that is under way. */
export interface Words {
  readonly text: string;
  /** Tells the calls of a step apart; null for those in the log, which stand. */
  readonly attempt: string | null;
}

/** Turns what is in the log and what is being written into items, each told once. No I/O. */
export interface Teller {
  /** Events from here on are wanted: the last one told may have items left. */
  readonly position: number;
  /** The step whose words come next. */
  readonly openStep: number;
  /** Items of events, which must be in order of position and include everything from `position` on. */
  progress(rows: readonly ProgressRow[]): Iterable<TurnStreamItem>;
  /** Items for the words of the open step as they are now. */
  words(words: Words): Iterable<TurnStreamItem>;
  /** Place after everything told. */
  offset(): string;
}

/**
 * Gives a teller that goes on after an offset. An offset holds the last event told and how much of the open step's words, with their
 * digest: so a stream that goes on elsewhere, later, sees whether the words it has still are the beginning of those that stand.
 * Throws InvalidOffsetError.
 */
export function createTeller(from?: string): Teller {
  let { position, index, openStep, told } = parseOffset(from);
  let attempt: string | null = null;

  const offset = (): string => {
    const { length, digest } = typeof told === 'string' ? { length: told.length, digest: digestOf(told) } : told;
    return [position, index, openStep, length, digest].join('.');
  };
  const place = (item: Told): TurnStreamItem => ({ ...item, offset: offset() });

  function* words({ text, attempt: now }: Words): Generator<TurnStreamItem> {
    if (typeof told !== 'string') {
      // What came before is known by its digest only. While there are fewer words than that, it cannot be judged.
      if (now !== null && text.length < told.length) return;
      const beginning = text.slice(0, told.length);
      if (beginning.length === told.length && digestOf(beginning) === told.digest) told = beginning;
      else {
        told = '';
        yield place({ type: 'reset', step: openStep });
      }
    } else if (told !== '') {
      const isAnother = now !== null && attempt !== null && now !== attempt;
      if (isAnother || !text.startsWith(told)) {
        told = '';
        yield place({ type: 'reset', step: openStep });
      }
    }
    attempt = now;
    const more = text.slice(told.length);
    told = text;
    if (more !== '') yield place({ type: 'text', step: openStep, text: more });
  }

  function* progress(rows: readonly ProgressRow[]): Generator<TurnStreamItem> {
    const asked = new Set(
      rows.filter(({ kind }) => kind === 'approval').map(({ step, ordinal }) => `${step}.${ordinal}`),
    );
    for (const row of rows) {
      if (row.position < position) continue;
      if (row.position > position) {
        if (row.kind === 'step') {
          yield* words({ text: row.content ?? '', attempt: null });
          openStep = row.step + 1;
          told = '';
          attempt = null;
        }
        position = row.position;
        index = 0;
      }
      for (const item of itemsOf(row, asked).slice(index)) {
        index += 1;
        yield place(item);
      }
    }
  }

  return {
    get position() {
      return position;
    },
    get openStep() {
      return openStep;
    },
    progress,
    words,
    offset,
  };
}

/** A call that was asked for starts when it is approved; every other one when its step has ended. */
function itemsOf(row: ProgressRow, asked: ReadonlySet<string>): Told[] {
  const { step, ordinal } = row;
  const tool = row.tool ?? '';
  const approval = { type: 'approval' as const, approval: row.approval ?? '', step, ordinal, tool };
  const started = { type: 'tool' as const, state: 'started' as const, outcome: null };
  switch (row.kind) {
    case 'step':
      return (row.calls ?? []).flatMap((name, at) =>
        asked.has(`${step}.${at}`) ? [] : [{ ...started, step, ordinal: at, tool: name }],
      );
    case 'tool':
      return [{ type: 'tool', state: 'ended', step, ordinal, tool, outcome: row.outcome }];
    case 'approval':
      return [{ ...approval, state: 'waiting', decision: null }];
    case 'decision':
      return [
        { ...approval, state: 'decided', decision: row.outcome },
        ...(row.outcome === 'approve' || row.outcome === 'edit' ? [{ ...started, step, ordinal, tool }] : []),
      ];
  }
}

function parseOffset(from: string | undefined): {
  position: number;
  index: number;
  openStep: number;
  told: string | { readonly length: number; readonly digest: string };
} {
  if (from === undefined) return { position: 0, index: 0, openStep: 1, told: '' };
  const found = /^(\d{1,15})\.(\d{1,9})\.(\d{1,9})\.(\d{1,9})\.([\w-]{8})$/.exec(from);
  if (!found) throw new InvalidOffsetError(from);
  const [position = 0, index = 0, openStep = 1, length = 0] = found.slice(1, 5).map(Number);
  return { position, index, openStep, told: length === 0 ? '' : { length, digest: found[5] ?? '' } };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'utf16le').digest('base64url').slice(0, 8);
}
