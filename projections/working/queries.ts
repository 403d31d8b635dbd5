import { sql } from 'kysely';
import type { Position } from '../../eventstore/index.ts';
import type { Selectable, SqlBool } from 'kysely';
import type { RecordedToolCall, Trust } from '../../memory/events.ts';
import type { PromptBlock, ThreadMessage } from '../../memory/prompt.ts';
import type { Scope } from '../../memory/scope.ts';
import { forkOf } from '../../memory/scope.ts';
import type { ViewDatabase, ViewReader } from '../read-views.ts';
import { holdsFor, lineageOf } from '../branches/lineage.ts';
import type { Lineage } from '../branches/lineage.ts';
import { takenOver } from '../branches/queries.ts';
import { heldAt } from '../read-views.ts';
import { scopeOfRow } from '../scope-columns.ts';
import { visibleTo } from '../visible-to.ts';

/** The newest messages of a branch. */
export interface ThreadMessages {
  /** Oldest first. */
  readonly messages: readonly ThreadMessage[];
  /** Index of the current turn's first message. */
  readonly currentTurnStart: number;
  /** The turn of each message, in their order. */
  readonly turns: readonly string[];
  /** Of each message the least trusted of what its step had heard; null: the user and the model alone, or from before it was recorded. */
  readonly heard: readonly (Trust | null)[];
}

/** Which messages to read. */
export interface MessageFilter {
  readonly thread: string;
  readonly branch: string;
  /** The current turn; without it, all completed ones. */
  readonly turn?: string;
  /** @default 200 */
  readonly limit?: number;
  /** Only turns that were asked for after this position: the ones before stand in a summary. @default all */
  readonly after?: Position;
}

/**
 * The newest messages of a branch: those of completed turns (a failed turn may have a tool call without a result, which no
 * model accepts), bounded, so that a long thread costs no more than a short one; and all of the current turn. A fork has those of
 * the branches it comes from, too.
 */
export async function readMessages(reader: ViewReader, filter: MessageFilter): Promise<ThreadMessages> {
  const steering = readSteered(reader, filter);
  // Awaited below; when another read fails first, nobody else hears of it.
  steering.catch(() => undefined);
  const lineage = await lineageOf(reader, forkOf(filter));
  if (lineage) {
    const messages = await readForkMessages(reader, lineage, filter);
    // What was put into the turn after the fork left is none of its past.
    const isSeen = (row: SteeredRow): boolean =>
      lineage.some(({ branch, position }) => branch === row.branch && row.from_pos <= position);
    return inOrder(messages, (await steering).filter(isSeen));
  }
  const [earlier, own, steered] = await Promise.all([
    completedMessages(reader, filter),
    // The current turn whole, however many tools it has called: a model accepts no result without its call.
    filter.turn === undefined ? [] : turnMessages(reader, filter.turn),
    steering,
  ]);
  return inOrder({ earlier, own }, steered);
}

async function readForkMessages(
  reader: ViewReader,
  lineage: Lineage,
  { thread, turn, limit = 200, after }: MessageFilter,
): Promise<{ earlier: MessageRow[]; own: MessageRow[] }> {
  let earlier: MessageRow[] = [];
  for (const { branch, position } of lineage) {
    const at = { ...reader, position };
    const own = await completedMessages(at, {
      thread,
      branch,
      limit: limit - earlier.length,
      ...(turn === undefined ? {} : { turn }),
      ...(after === undefined ? {} : { after }),
    });
    const whole: MessageRow[] = [];
    for (const each of new Set(own.map((row) => row.turn))) {
      whole.push(
        ...(await withTakenOver(
          reader,
          lineage,
          each,
          own.filter((row) => row.turn === each),
        )),
      );
    }
    earlier = [...whole, ...earlier];
    if (earlier.length >= limit) break;
  }
  const own = turn === undefined ? [] : await withTakenOver(reader, lineage, turn, await turnMessages(reader, turn));
  return { earlier, own };
}

/** Puts messages that came while a turn was running where its next step read them: behind everything that was there before. */
function inOrder(
  { earlier, own }: { readonly earlier: readonly MessageRow[]; readonly own: readonly MessageRow[] },
  steered: readonly SteeredRow[],
): ThreadMessages {
  const place = (rows: readonly MessageRow[]) => {
    const placed: {
      readonly row: Pick<MessageRow, 'turn' | 'step' | 'heard'>;
      readonly message: ThreadMessage;
    }[] = rows.map((row) => ({ row, message: toMessage(row) }));
    for (const { turn, content, from_pos: position, before_step: before } of steered) {
      const step = before ?? Infinity;
      const last = placed.findLastIndex(({ row }) => row.turn === turn && row.step < step);
      if (last >= 0)
        placed.splice(last + 1, 0, {
          row: { turn, step: placed[last]?.row.step ?? 0, heard: null },
          message: { role: 'user', content, position },
        });
    }
    return placed.map(({ row, message }) => ({ turn: row.turn, heard: row.heard as Trust | null, message }));
  };
  const before = place(earlier);
  const all = [...before, ...place(own)];
  return {
    messages: all.map(({ message }) => message),
    turns: all.map(({ turn }) => turn),
    heard: all.map(({ heard }) => heard),
    currentTurnStart: before.length,
  };
}

/** A message that came while a turn was running, and the first step that read it; null while none has. */
interface SteeredRow extends Pick<Selectable<ViewDatabase['steered']>, 'turn' | 'branch' | 'content' | 'from_pos'> {
  readonly before_step: number | null;
}

/** The newest of a thread, oldest first. */
async function readSteered(
  { db, tenant, position }: ViewReader,
  { thread, limit = 200 }: MessageFilter,
): Promise<SteeredRow[]> {
  const rows = await db
    .selectFrom('steered as s')
    .where('s.tenant', '=', tenant)
    .where('s.thread', '=', thread)
    .where(heldAt(position, 's'))
    .select((eb) => [
      's.turn',
      's.branch',
      's.content',
      's.from_pos',
      eb
        .selectFrom('step as p')
        .whereRef('p.tenant', '=', 's.tenant')
        .whereRef('p.turn', '=', 's.turn')
        .whereRef('p.base_position', '>=', 's.from_pos')
        .where('p.from_pos', '<=', position)
        .select((inner) => inner.fn.min('p.step').as('step'))
        .as('before_step'),
    ])
    .orderBy('s.from_pos', 'desc')
    .limit(limit)
    .execute();
  return rows.toReversed();
}

/** The rows of a turn with those of the steps it takes over; its own stand before theirs. */
async function withTakenOver(
  reader: ViewReader,
  lineage: Lineage,
  turn: string,
  own: readonly MessageRow[],
): Promise<MessageRow[]> {
  const rows = [...own];
  for (const { turn: from, steps, position } of takenOver(lineage, turn)) {
    for (const row of await turnMessages({ ...reader, position }, from)) {
      const isKnown = rows.some(({ step, ordinal }) => step === row.step && ordinal === row.ordinal);
      if (row.step >= 1 && row.step <= steps && !isKnown) rows.push(row);
    }
  }
  return rows.sort((a, b) => a.step - b.step || a.ordinal - b.ordinal);
}

type MessageRow = Pick<
  Selectable<ViewDatabase['message']>,
  'turn' | 'step' | 'ordinal' | 'role' | 'content' | 'tool_calls' | 'call' | 'heard' | 'from_pos'
>;

const messageColumns = [
  'm.turn',
  'm.step',
  'm.ordinal',
  'm.role',
  'm.content',
  'm.tool_calls',
  'm.call',
  'm.heard',
  'm.from_pos',
] as const;

/** The newest messages of a branch's completed turns, oldest first. */
async function completedMessages(
  { db, position, tenant }: ViewReader,
  { thread, branch, turn, limit = 200, after = 0 }: MessageFilter,
): Promise<MessageRow[]> {
  const rows = await db
    .selectFrom(
      // A completed turn has two messages at least: the newest turns first, and of each its own from the key.
      db
        .selectFrom('turn as t')
        .where('t.tenant', '=', tenant)
        .where('t.thread', '=', thread)
        .where('t.branch', '=', branch)
        .where(heldAt(position, 't'))
        .where('t.turn', '<>', turn ?? '')
        .where('t.from_pos', '>', after)
        .where((eb) =>
          eb.exists(
            eb
              .selectFrom('turn_end as e')
              .whereRef('e.tenant', '=', 't.tenant')
              .whereRef('e.turn', '=', 't.turn')
              .where('e.from_pos', '<=', position)
              .where('e.status', '=', 'completed')
              .select('e.turn'),
          ),
        )
        .select(['t.turn', 't.from_pos'])
        .orderBy('t.from_pos', 'desc')
        .limit(limit)
        .as('t'),
    )
    .innerJoinLateral(
      (join) =>
        join
          .selectFrom('message as m')
          .where('m.tenant', '=', tenant)
          .whereRef('m.turn', '=', 't.turn')
          .where(heldAt(position, 'm'))
          .select(messageColumns)
          .orderBy('m.step', 'desc')
          .orderBy('m.ordinal', 'desc')
          .limit(limit)
          .as('m'),
      (join) => join.onTrue(),
    )
    .select(messageColumns)
    .orderBy('t.from_pos', 'desc')
    .orderBy('m.step', 'desc')
    .orderBy('m.ordinal', 'desc')
    .limit(limit)
    .execute();
  return rows.toReversed();
}

async function turnMessages({ db, position, tenant }: ViewReader, turn: string): Promise<MessageRow[]> {
  return db
    .selectFrom('message as m')
    .where('m.tenant', '=', tenant)
    .where('m.turn', '=', turn)
    .where(heldAt(position, 'm'))
    .select(messageColumns)
    .orderBy('m.step')
    .orderBy('m.ordinal')
    .execute();
}

function toMessage(row: MessageRow): ThreadMessage {
  const at = { position: row.from_pos };
  if (row.role === 'user') return { role: 'user', content: row.content ?? '', ...at };
  if (row.role === 'tool') return { role: 'tool', content: row.content ?? '', toolCallId: row.call ?? '', ...at };
  return { role: 'assistant', content: row.content, toolCalls: row.tool_calls as RecordedToolCall[], ...at };
}

/** A block with the scope it lives in. */
export interface BlockRow extends PromptBlock {
  readonly scope: Scope;
  readonly position: number;
}

/** SQL of `blockItem` (scope-columns.ts). */
export const blockItemSql = `block.scope_key || ' ' || block.label`;

/** The blocks a reader sees, in order of label; the narrowest scope wins where a label is used twice. */
export async function readBlocks(view: ViewReader, reader: Scope): Promise<BlockRow[]> {
  const { db, tenant } = view;
  const lineage = await lineageOf(view, reader.fork);
  const rows = await db
    .selectFrom('block')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(holdsFor(view, lineage, { alias: 'block', item: blockItemSql }))
    .where(visibleTo(reader, 'block'))
    .orderBy('label')
    .orderBy(sql`num_nonnulls(scope_user, scope_agent, scope_thread)`)
    .execute();
  const byLabel = new Map<string, BlockRow>();
  for (const row of rows) {
    byLabel.set(row.label, {
      label: row.label,
      description: row.description,
      value: row.value,
      limit: row.char_limit,
      readOnly: row.read_only,
      scope: scopeOfRow(row),
      position: row.from_pos,
    });
  }
  return [...byLabel.values()];
}

/** A message that was put into a turn. */
export interface Steered {
  readonly turn: string;
  readonly thread: string;
  readonly branch: string;
  readonly key: string;
  readonly agent: string;
  readonly user: string | null;
  readonly message: string;
  readonly occurredAt: Date;
  /** The turn ended before a step read it. */
  readonly isLost: boolean;
}

/** Where a message was put, by its sender's key; undefined when it was not put into a turn. */
export async function findSteered(reader: ViewReader, key: string): Promise<Steered | undefined> {
  return (await steeredWhere(reader, { key }))[0];
}

/** The keys of all messages that were put into turns of a thread. */
export async function listSteeredKeys({ db, tenant, position }: ViewReader, thread: string): Promise<string[]> {
  const rows = await db
    .selectFrom('steered as s')
    .where('s.tenant', '=', tenant)
    .where('s.thread', '=', thread)
    .where(heldAt(position, 's'))
    .select('s.steer')
    .execute();
  return rows.map(({ steer }) => steer);
}

/** Messages that no step read and that have not become turns of their own yet, oldest first. */
export async function listLostSteered(reader: ViewReader): Promise<Steered[]> {
  const rows = await steeredWhere(reader, {});
  return rows.filter(({ isLost }) => isLost);
}

/** Whether a step was asked with message `s` in its prompt. */
const isRead = sql<SqlBool>`exists (select from step p
  where p.tenant = s.tenant and p.turn = s.turn and p.base_position >= s.from_pos)`;

async function steeredWhere(
  { db, tenant, position }: ViewReader,
  { key }: { readonly key?: string },
): Promise<Steered[]> {
  let query = db
    .selectFrom('steered as s')
    .innerJoin('turn as t', (join) => join.onRef('t.tenant', '=', 's.tenant').onRef('t.turn', '=', 's.turn'))
    .leftJoin('turn_end as e', (join) => join.onRef('e.tenant', '=', 's.tenant').onRef('e.turn', '=', 's.turn'))
    .leftJoin('turn as o', (join) => join.onRef('o.tenant', '=', 's.tenant').onRef('o.turn', '=', 's.steer'))
    .where('s.tenant', '=', tenant)
    .where(heldAt(position, 's'))
    .select([
      ...(['s.turn', 's.thread', 's.branch', 's.steer', 's.user_id', 's.content', 's.occurred_at'] as const),
      ...(['t.agent', 'e.status', 'o.turn as own'] as const),
      isRead.as('is_read'),
    ])
    .orderBy('s.from_pos');
  if (key !== undefined) query = query.where('s.steer', '=', key);
  // Without a key: what could be lost.
  else
    query = query
      .where('e.status', 'is not', null)
      .where('o.turn', 'is', null)
      .where(sql<SqlBool>`not ${isRead}`);
  return (await query.execute()).map((row) => ({
    ...{ turn: row.turn, thread: row.thread, branch: row.branch, key: row.steer, agent: row.agent },
    ...{ user: row.user_id, message: row.content, occurredAt: row.occurred_at },
    isLost: row.status !== null && row.is_read !== true,
  }));
}
