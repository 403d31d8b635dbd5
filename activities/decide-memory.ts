import type { NewEvent, StreamExpectation } from '../eventstore/index.ts';
import type { MemoryEvent, MemoryOutcome, Source, Trust } from '../memory/events.ts';
import { isTyped, leavesOf } from '../memory/kinds.ts';
import type { KnownFact, KnownProcedure, MemoryProposal } from '../memory/reconcile.ts';
import { turnScope } from '../memory/scope.ts';
import { asksToForget, isStatedBy, speaksOf, statementsOf } from '../memory/speaks-of.ts';
import { shorten } from '../memory/text.ts';
import { readKnownProcedures } from '../projections/procedural/queries.ts';
import { readViews } from '../projections/read-views.ts';
import { readKnownFacts } from '../projections/semantic/queries.ts';
import type { ActivityDeps } from './deps.ts';
import { decideEdits } from './edit-blocks.ts';
import type { StepContext } from './load-context.ts';
import type { MemoryCall, WantedMemory } from './memory-tools.ts';
import { decideWrite } from './memory-write.ts';
import { namedMemory } from './named-memories.ts';
import type { InlineResult } from './sort-calls.ts';

/** What a step's memory tools write, decided but not stored: it commits with the step, all or nothing. */
export interface DecidedMemory {
  readonly streams: readonly StreamExpectation[];
  readonly events: readonly NewEvent<MemoryEvent>[];
  /** One result per call, with an outcome per item. */
  readonly results: readonly InlineResult[];
}

/** What a call comes to: proposals for reconcile by their number, and items that are refused before. */
type Item = { readonly proposal: number } | { readonly refused: MemoryOutcome };

/** Decides the calls of memory tools that write, against what stands now; called again when somebody else wrote first. */
export async function decideMemory(
  deps: ActivityDeps,
  tenant: number,
  {
    calls,
    context,
    actor,
    key,
  }: {
    readonly calls: readonly MemoryCall[];
    readonly context: StepContext;
    /** Who edits, for the record of blocks. */
    readonly actor: string;
    /** The command's. */
    readonly key: string;
  },
): Promise<DecidedMemory> {
  const writes = calls.filter(({ request }) => request.tool !== 'memory_search');
  if (writes.length === 0) return { streams: [], events: [], results: [] };
  const scope = turnScope(context.turn);
  const trust: Trust = 'model_inference';
  const said = { agent: context.turn.agent, at: context.turn.occurredAt.toISOString() };
  const { edits, facts, procedures } = await readViews(deps.pool, tenant, async (reader) => ({
    edits: await decideEdits(reader, {
      calls: writes,
      context,
      actor,
      reason: `a tool call in turn ${context.turn.turn}`,
    }),
    ...(writes.some(({ request }) => request.tool === 'memory_correct' || request.tool === 'memory_forget')
      ? { facts: await readKnownFacts(reader, scope), procedures: await readKnownProcedures(reader, scope) }
      : { facts: [], procedures: [] }),
  }));
  const known = { facts, procedures };
  const proposals: MemoryProposal[] = [];
  const items = new Map(writes.map((call) => [call, itemsOf(call, context, known, proposals)]));
  const write = proposals.length === 0 ? null : await decideWrite(deps, tenant, { scope, trust, proposals, key, said });
  const results = [...items].flatMap(([{ request, ...call }, own]): InlineResult[] => {
    if (own === null) return [];
    const outcomes = own.flatMap((item) =>
      'refused' in item ? [item.refused] : (write?.outcomes[item.proposal] ?? []),
    );
    const memories = outcomes.map(({ outcome, id, text, reason }) =>
      request.tool === 'memory_remember' ? { outcome, text, reason } : { outcome, id, text, reason },
    );
    const note =
      request.tool === 'memory_forget' && outcomes.some(({ outcome }) => outcome === 'retracted')
        ? { note: 'Not recalled any more. They stay in the record: this is no erasure.' }
        : outcomes.some(({ outcome }) => outcome === 'pending')
          ? { note: 'What is pending is not stored: a person decides about it later. Do not say that it is done.' }
          : {};
    return [{ ...call, outcome: 'ok', code: null, result: JSON.stringify({ memories, ...note }) }];
  });
  return {
    streams: [
      ...(write === null ? [] : [{ name: write.stream, expectedVersion: write.expectedVersion }]),
      ...edits.streams,
    ],
    events: [...(write?.events ?? []), ...edits.events],
    results: [...results, ...edits.results],
  };
}

/** Null for a call that is not about memories that reconcile decides. */
function itemsOf(
  { request }: MemoryCall,
  context: StepContext,
  known: { readonly facts: readonly KnownFact[]; readonly procedures: readonly KnownProcedure[] },
  proposals: MemoryProposal[],
): Item[] | null {
  const { turn } = context;
  const validFrom = turn.occurredAt.toISOString();
  const source: Source = {
    ...{ thread: turn.thread, branch: turn.branch, turn: turn.turn },
    quote: shorten(turn.message, 200),
  };
  const propose = (proposal: MemoryProposal): Item => ({ proposal: proposals.push(proposal) - 1 });
  const find = (given: string) => {
    const { id, kind } = namedMemory(context.names, given);
    const fact = known.facts.find((one) => one.fact === id);
    const procedure = known.procedures.find((one) => one.procedure === id);
    return { fact, procedure, isSaid: kind === 'round' || kind === 'reply' };
  };
  switch (request.tool) {
    case 'memory_remember':
      return request.memories.map(({ problem, ...memory }) =>
        problem === undefined
          ? propose({
              ...{ ...memory, ...trustIn(context, memory) },
              ...{ action: 'assert', target: null, confidence: 0.9, validFrom, source },
            })
          : refuse(memory.text, problem),
      );
    case 'memory_correct': {
      const { fact, procedure, isSaid } = find(request.memory);
      const { value, text } = request;
      const base = { target: null, confidence: 0.9, validFrom, source, text, ...trustIn(context, request) };
      if (procedure) {
        const of = { kind: 'procedure' as const, subject: 'user', relation: 'how_to', value: procedure.goal };
        return [propose({ ...base, ...of, action: 'assert' })];
      }
      if (!fact) return [refused(request.memory, isSaid)];
      if (isTyped(fact))
        return [
          refuse(fact.text, `a memory of kind "${fact.kind}" is put right by memory_remember, with its whole data`),
        ];
      const { kind, subject, relation } = fact;
      return [propose({ ...base, kind, subject, relation, value, action: 'supersede', target: fact.fact })];
    }
    case 'memory_forget':
      return request.memories.map((given) => {
        const { fact, procedure, isSaid } = find(given);
        if (procedure) return refuse(procedure.text, 'a how-to can be corrected, not forgotten');
        if (!fact) return refused(given, isSaid);
        if (!isAsked(context, fact))
          return refuse(fact.text, 'the user has not asked for it in this turn: ask them, and let them name it');
        const { kind, subject, relation, value } = fact;
        const of = { kind, subject, relation, value, confidence: 1, validFrom, source };
        return propose({ ...of, action: 'retract', target: fact.fact, text: request.reason, isAsked: true });
      });
    default:
      return null;
  }
}

/**
 * Whether the user's own words of the turn ask for a fact to be ended: they speak of it, or they ask to forget, and nothing but the user and
 * memory has spoken in the turn. What a page says that a tool has read ends nothing, even when the model obeys.
 */
function isAsked({ said, heardTools }: StepContext, { value, relation, data }: KnownFact): boolean {
  // A question that sent the model to a tool speaks of things, but asks for nothing to be ended.
  const told = heardTools ? statementsOf(said) : said;
  return (
    speaksOf(told, { values: isTyped({ data }) ? leavesOf(data) : [value], relation }) ||
    (asksToForget(said) && !heardTools)
  );
}

/** What the user's own words do not state is trusted no more than the least trusted thing in the prompt. */
function trustIn(
  { said, heard }: StepContext,
  memory: Pick<WantedMemory, 'value' | 'text' | 'data'> & { readonly kind?: string },
): { readonly trust?: Trust } {
  return heard === null || isStatedBy(said, memory) ? {} : { trust: heard };
}

function refused(given: string, isSaid: boolean): Item {
  return refuse(
    given,
    isSaid
      ? 'what was said stays as it was said; name the memory that was drawn from it'
      : 'this names no memory of this user that holds',
  );
}

function refuse(text: string, reason: string): Item {
  return { refused: { outcome: 'rejected', id: null, text: shorten(text, 200), reason } };
}
