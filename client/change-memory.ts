import { canonicalData, isTyped } from '../memory/kinds.ts';
import type { KindReader } from '../memory/kinds.ts';
import { nameOf } from '../projections/digest.ts';
import { ExpectedVersionConflictError } from '../eventstore/index.ts';
import type { MemoryOutcome } from '../memory/events.ts';
import type { KnownFact, MemoryProposal } from '../memory/reconcile.ts';
import type { Scope } from '../memory/scope.ts';
import { mainBranch } from '../memory/scope.ts';
import { shorten } from '../memory/text.ts';
import { decideProposals } from '../projections/decide-write.ts';
import type { DecidedWrite } from '../projections/decide-write.ts';
import { readViews } from '../projections/read-views.ts';
import { readKnownFacts } from '../projections/semantic/queries.ts';
import { InvalidMemoryError, MemoryNotFoundError } from './memory-errors.ts';
import type { ClientContext } from './send-turn.ts';

/** Who changes a memory, and why. */
export interface ChangedBy {
  /** The scope that the memory lives in: its own one, as `list` shows it. */
  readonly scope: Scope;
  /** Recorded as the source: the thread stands for whoever says it. */
  readonly actor: string;
  readonly reason: string;
  /** When it was said. @default now */
  readonly occurredAt?: Date;
  /** Names this call: repeated with the same key, it does nothing and gives the same receipts. @default made of what is asked */
  readonly idempotencyKey?: string;
}

/** A memory with another value. */
export interface CorrectMemory extends ChangedBy {
  readonly memory: string;
  readonly value: string;
  /** The memory as one self-contained sentence. */
  readonly text: string;
}

/** A memory of a kind of your own. */
export interface StoreMemory<Data> extends ChangedBy {
  readonly kind: KindReader<Data>;
  readonly data: Data;
  /** The memory as one self-contained sentence: what is searched, and what a prompt shows. @default the kind's name and the data in words */
  readonly text?: string;
  /** Whom or what it is about. @default 'user' */
  readonly subject?: string;
  /** The memory of the same kind that it takes the place of; one with the same key needs no naming. @default none */
  readonly replaces?: string;
}

/** Memories that are not to be gone by any more. */
export interface RetractMemory extends ChangedBy {
  readonly memories: readonly string[];
}

/** What became of one item of a write. */
export interface MemoryReceipt extends MemoryOutcome {
  /** Position of the write's last event; 0 where nothing was written. */
  readonly position: number;
  /** The call had been made before: this is what came of it then. */
  readonly replayed: boolean;
}

const maxDecisions = 10;

/**
 * Stores a memory of a kind of your own, decided against what is known like any other: the same again confirms, a newer one of the same key
 * ends the older. Throws InvalidMemoryError when the data does not fit the kind, MemoryNotFoundError for one to replace that does not hold.
 */
export async function storeMemory<Data>(
  context: ClientContext,
  request: StoreMemory<Data>,
  clean: (text: string) => string,
): Promise<MemoryReceipt> {
  const { kind, subject = 'user', replaces } = request;
  const typed = await kind.read(request.data, clean);
  if ('problem' in typed) throw new InvalidMemoryError(kind.name, typed.problem);
  const text = request.text === undefined ? `${kind.name.replaceAll('_', ' ')}: ${typed.value}` : clean(request.text);
  const asked = ['store', kind.name, subject, canonicalData(typed.data), text, replaces ?? ''];
  const [receipt] = await change(context, request, asked, (known) => {
    const of = { ...typed, kind: kind.name, subject, text };
    if (replaces === undefined) return [{ ...of, action: 'assert', target: null }];
    const old = findFact(known, replaces);
    if (old.kind !== kind.name)
      throw new InvalidMemoryError(
        kind.name,
        `the memory "${replaces}" that it would replace is of kind "${old.kind}"`,
      );
    return [{ ...of, action: 'supersede', target: replaces }];
  });
  if (!receipt) throw new InvalidMemoryError(kind.name, 'nothing came of it');
  return receipt;
}

/**
 * Gives a memory another value from `occurredAt` on; what it was stays as what held before. Throws MemoryNotFoundError when the scope has no
 * such fact that holds.
 * `store` is for kinds of your own.
 */
export async function correctMemory(context: ClientContext, request: CorrectMemory): Promise<MemoryReceipt> {
  const { memory, value, text } = request;
  const [receipt] = await change(context, request, ['correct', memory, value, text], (known) => {
    const fact = findFact(known, memory);
    if (isTyped(fact)) throw new InvalidMemoryError(fact.kind, 'a value and a text are not all of it');
    const { kind, subject, relation } = fact;
    return [{ kind, subject, relation, value, text, action: 'supersede', target: memory }];
  });
  if (!receipt) throw new MemoryNotFoundError(memory);
  return receipt;
}

/**
 * Ends what memories say, all of them or none: they are not recalled any more. Nothing is erased; that is `forget`. Throws
 * MemoryNotFoundError.
 */
export async function retractMemories(context: ClientContext, request: RetractMemory): Promise<MemoryReceipt[]> {
  const { memories, reason } = request;
  return change(context, request, ['retract', ...memories], (known) =>
    memories.map((memory) => {
      const { kind, subject, relation, value } = findFact(known, memory);
      return { kind, subject, relation, value, text: reason, action: 'retract', target: memory };
    }),
  );
}

type Wanted = Omit<MemoryProposal, 'confidence' | 'validFrom' | 'source'>;

async function change(
  context: ClientContext,
  by: ChangedBy,
  asked: readonly string[],
  wanted: (known: readonly KnownFact[]) => readonly Wanted[],
): Promise<MemoryReceipt[]> {
  const { scope, actor, reason, occurredAt = new Date(), idempotencyKey } = by;
  const id = `memory/${nameOf([scope, idempotencyKey ?? asked])}`;
  const first = await context.store.readCommand(context.tenant, id);
  if (first) return receipts(first.result as readonly MemoryOutcome[], first.lastPosition, 'replayed');
  const tenant = await context.store.tenantNumber(context.tenant);
  const validFrom = occurredAt.toISOString();
  const source = { thread: actor, branch: mainBranch, turn: id, quote: shorten(reason, 200) };
  for (let decision = 1; ; decision++) {
    const { write, readAt } = await readViews(context.pool, tenant, async (reader) => {
      const proposals = wanted(await readKnownFacts(reader, scope)).map((one) => ({
        ...{ ...one, confidence: 1, validFrom, source },
      }));
      return {
        write: await decideProposals(reader, { scope, trust: 'direct_user', proposals, key: id }),
        readAt: reader.position,
      };
    });
    try {
      return await store(context, { id, write, actor, readAt });
    } catch (error) {
      if (!(error instanceof ExpectedVersionConflictError) || decision === maxDecisions) throw error;
    }
  }
}

async function store(
  context: ClientContext,
  { id, write, actor, readAt }: { id: string; write: DecidedWrite; actor: string; readAt: number },
): Promise<MemoryReceipt[]> {
  if (write.events.length === 0) return receipts(write.outcomes, 0, 'written');
  const { result, lastPosition, replayed } = await context.store.append<readonly MemoryOutcome[]>(context.tenant, {
    id,
    streams: [{ name: write.stream, expectedVersion: write.expectedVersion }],
    events: write.events,
    // Of a user who was forgotten meanwhile nothing comes back.
    readAt,
    meta: { actor },
    // Without its words: receipts outlive a forgotten user.
    result: write.outcomes.map((outcome) => ({ ...outcome, text: '' })),
  });
  const outcomes = replayed ? result : write.outcomes;
  return receipts(outcomes, lastPosition, replayed ? 'replayed' : 'written');
}

function receipts(outcomes: readonly MemoryOutcome[], position: number, how: 'written' | 'replayed'): MemoryReceipt[] {
  return outcomes.map((outcome) => ({ ...outcome, position, replayed: how === 'replayed' }));
}

function findFact(known: readonly KnownFact[], memory: string): KnownFact {
  const fact = known.find((one) => one.fact === memory);
  if (!fact) throw new MemoryNotFoundError(memory);
  return fact;
}
