import type { Moment, StoredEvent } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import type { Scope } from '../memory/scope.ts';
import { listRounds } from '../projections/episodic/queries.ts';
import type { RoundRow } from '../projections/episodic/queries.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { readViews } from '../projections/read-views.ts';
import { listFacts } from '../projections/semantic/queries.ts';
import type { FactRow } from '../projections/semantic/queries.ts';
import { readFactTrail } from '../projections/semantic/trail.ts';
import { correctMemory, retractMemories, storeMemory } from './change-memory.ts';
import type { CorrectMemory, MemoryReceipt, RetractMemory, StoreMemory } from './change-memory.ts';
import { MemoryNotFoundError } from './memory-errors.ts';
import { eventAt } from './read-message.ts';
import type { ClientContext } from './send-turn.ts';

/** Names a memory, as of a moment. */
export interface MemoryRef {
  readonly memory: string;
  /** Who reads: a memory is given when this scope sees it. */
  readonly scope: Scope;
  /** @default now */
  readonly at?: Moment;
}

/** Why something is remembered. */
export interface ExplainedMemory {
  readonly fact: FactRow;
  /** The rounds that say it, with their words; a correction by code is none. */
  readonly said: readonly RoundRow[];
  /** What held before it, and what holds since it ended; null where there is none. */
  readonly before: FactRow | null;
  readonly after: FactRow | null;
  readonly disputedWith: FactRow | null;
}

/** Which stretch of time. */
export interface TimelineRequest {
  readonly scope: Scope;
  /** @default the beginning */
  readonly from?: Date;
  /** Up to, not including. @default the end */
  readonly to?: Date;
  readonly at?: Moment;
  /** Most rounds, and most facts. @default 200 */
  readonly limit?: number;
}

/** Something of a time line, by the world's time. */
export type TimelineItem =
  | { readonly kind: 'said'; readonly time: Date; readonly round: RoundRow }
  | { readonly kind: 'began' | 'ended'; readonly time: Date; readonly fact: FactRow };

/** Reads and changes of single memories. */
export interface MemoryRecord {
  /** One memory, whether it holds still or not. Throws MemoryNotFoundError. */
  get(request: MemoryRef): Promise<FactRow>;
  /** Stores a memory of a kind of your own (`defineMemoryKind`). */
  store<Data>(request: StoreMemory<Data>): Promise<MemoryReceipt>;
  /** Gives a memory another value; what it was stays as what held before. */
  correct(request: CorrectMemory): Promise<MemoryReceipt>;
  /** Ends what memories say, all or none; one receipt each. Nothing is erased: that is `forget`. */
  retract(request: RetractMemory): Promise<MemoryReceipt[]>;
  /** The events that made a memory what it is, in order. Throws MemoryNotFoundError. */
  history(request: MemoryRef): Promise<StoredEvent<MemoryEvent>[]>;
  /** Why something is remembered: who said it, what held before, what holds since. Throws MemoryNotFoundError. */
  explain(request: MemoryRef): Promise<ExplainedMemory>;
  /** What was said, began and ended in a stretch of time, in the world's order. */
  timeline(request: TimelineRequest): Promise<TimelineItem[]>;
  /** What was believed at one time (`at`) to hold at another (`validAt`, by default the same). */
  asOf(request: { readonly scope: Scope; readonly at?: Moment; readonly validAt: Date }): Promise<FactRow[]>;
}

/** Gives the reads and changes of single memories of a client's tenant. */
export function createMemoryRecord(context: ClientContext, clean: (text: string) => string): MemoryRecord {
  const read = async <T>(query: (reader: ViewReader) => Promise<T>, at?: Moment): Promise<T> =>
    readViews(context.pool, await context.store.tenantNumber(context.tenant), query, { at });

  return {
    get: ({ memory, scope, at }) => read((reader) => find(reader, scope, memory), at),
    store: (request) => storeMemory(context, request, clean),
    correct: (request) =>
      correctMemory(context, { ...request, value: clean(request.value), text: clean(request.text) }),
    retract: (request) => retractMemories(context, request),
    async history({ memory, scope, at }) {
      const positions = await read(async (reader) => {
        await find(reader, scope, memory);
        return readFactTrail(reader, { scope, fact: memory });
      }, at);
      const events: StoredEvent<MemoryEvent>[] = [];
      for (const position of positions) {
        const event = await eventAt(context, position);
        if (event) events.push(event);
      }
      return events;
    },
    explain: ({ memory, scope, at }) =>
      read(async (reader) => {
        const fact = await find(reader, scope, memory);
        const others = [fact.replaces, fact.replacedBy, fact.disputedWith].filter((id) => id !== null);
        const known = new Map(
          (await listFacts(reader, { reader: scope, past: true, only: others })).map((one) => [one.fact, one]),
        );
        const other = (id: string | null): FactRow | null => (id === null ? null : (known.get(id) ?? null));
        return {
          fact,
          said: await listRounds(reader, scope, { turns: fact.sources.map(({ turn }) => turn) }),
          before: other(fact.replaces),
          after: other(fact.replacedBy),
          disputedWith: other(fact.disputedWith),
        };
      }, at),
    timeline: ({ scope, from, to, limit = 200, at }) =>
      read(async (reader) => {
        const rounds = await listRounds(reader, scope, { ...(from ? { from } : {}), ...(to ? { to } : {}), limit });
        const facts = await listFacts(reader, { reader: scope, past: true, limit });
        const isIn = (time: Date): boolean => (!from || time >= from) && (!to || time < to);
        const items: TimelineItem[] = [
          ...rounds.map((round) => ({ kind: 'said' as const, time: round.occurredAt, round })),
          ...facts.map((fact) => ({ kind: 'began' as const, time: fact.validFrom, fact })),
          ...facts.flatMap((fact) =>
            fact.validTo === null ? [] : [{ kind: 'ended' as const, time: fact.validTo, fact }],
          ),
        ];
        return items.filter(({ time }) => isIn(time)).sort((a, b) => a.time.getTime() - b.time.getTime());
      }, at),
    asOf: ({ scope, at, validAt }) =>
      read(async (reader) => {
        const facts = await listFacts(reader, { reader: scope, past: true });
        return facts.filter(
          ({ validFrom, validTo }) => validFrom <= validAt && (validTo === null || validAt < validTo),
        );
      }, at),
  };
}

async function find(reader: ViewReader, scope: Scope, memory: string): Promise<FactRow> {
  const [fact] = await listFacts(reader, { reader: scope, past: true, only: [memory] });
  if (!fact) throw new MemoryNotFoundError(memory);
  return fact;
}
