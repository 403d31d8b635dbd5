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
import { MemoryNotFoundError } from './memory-errors.ts';
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
 * Gives a memory another value from `occurredAt` on; what it was stays as what held before. Throws MemoryNotFoundError when the scope has no
 * such fact that holds.
 */
export async function correctMemory(context: ClientContext, request: CorrectMemory): Promise<MemoryReceipt> {
  const { memory, value, text } = request;
  const [receipt] = await change(context, request, ['correct', memory, value, text], (known) => {
    const { kind, subject, relation } = findFact(known, memory);
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
