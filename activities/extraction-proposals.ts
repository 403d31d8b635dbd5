import { z } from 'zod';
import type { OwnMemoryKind } from '../agents/define-memory-kind.ts';
import { ModelError } from '../llm/model-error.ts';
import type { JsonSchema } from '../llm/ports.ts';
import type { MemoryOutcome, Source, Trust } from '../memory/events.ts';
import { builtInKinds, isTyped, leavesOf } from '../memory/kinds.ts';
import type { TypedData } from '../memory/kinds.ts';
import type { KnownFact, KnownProcedure, MemoryProposal } from '../memory/reconcile.ts';
import { holdsOf } from '../memory/relations.ts';
import { isStatedBy, speaksOf, statementsOf } from '../memory/speaks-of.ts';
import { shorten } from '../memory/text.ts';
import { unknownStart } from '../memory/timeline.ts';
import { withOwnKinds } from './kinds-for-models.ts';

/** Proposals of one turn that are looked at; a model that makes more is refused the rest, and it shows. */
export const mostProposals = 100;

/** More facts than these that one turn takes back must each be named by their value. */
const mostEndedByCue = 2;

const time = z.string().nullable();
const proposalSchema = z.object({
  action: z.enum(['assert', 'confirm', 'supersede', 'retract', 'none']),
  target: z.number().int().nullable().describe('alias of the known item this is about, or null'),
  kind: z.enum(builtInKinds),
  subject: z.string().describe('"user" for the speaker, else a name'),
  relation: z.string().describe('snake_case'),
  value: z.string(),
  text: z.string().describe('one self-contained sentence'),
  confidence: z.number(),
  message: z.number().int().describe('id of the message that says it'),
  since: time.describe('ISO date from which it holds, if the words say so, else null'),
  until: time.describe('ISO date at which it ended, if the words say that it is over, else null'),
});
type Proposal = Omit<z.infer<typeof accepted>, 'kind'> & { readonly kind: string } & Partial<TypedData>;
/** What is taken: not every model gives every field. */
const accepted = proposalSchema.extend({
  target: proposalSchema.shape.target.optional().default(null),
  confidence: proposalSchema.shape.confidence.optional().default(0.7),
  since: time.optional().default(null),
  until: time.optional().default(null),
});
/** Of a kind of its author's own: what it says is in its data. */
const acceptedOwn = accepted.extend({
  kind: z.string(),
  subject: z.string().optional().default('user'),
  relation: z.string().optional().default(''),
  value: z.string().optional().default(''),
  data: z.unknown(),
});
const envelope = z.object({ proposals: z.array(z.unknown()) });

const itemSchema: JsonSchema = z.toJSONSchema(proposalSchema);

/**
 * The schema that extraction asks a model to answer in.
 * @param own the agent's own kinds
 */
export function extractionSchema(own: readonly OwnMemoryKind[] = []): JsonSchema {
  const { $schema: _dialect, ...item } = itemSchema;
  return {
    type: 'object',
    properties: { proposals: { type: 'array', items: withOwnKinds(item, own) } },
    required: ['proposals'],
    additionalProperties: false,
  };
}

/** One item of an answer; undefined for one of another shape than asked for. */
function readItem(item: unknown, own: readonly OwnMemoryKind[]): z.infer<typeof acceptedOwn> | undefined {
  const kind = (item as { readonly kind?: unknown } | null | undefined)?.kind;
  if (!own.some(({ name }) => name === kind)) {
    const { data } = accepted.safeParse(item);
    return data && { ...data, data: null };
  }
  return acceptedOwn.safeParse(item).data;
}

/** A message that memories are extracted from, and what is known under aliases from 1: facts first, then how-tos. */
export interface ExtractionInput {
  readonly message: { readonly text: string; readonly occurredAt: string };
  readonly facts: readonly KnownFact[];
  readonly procedures: readonly KnownProcedure[];
  readonly source: Source;
  /** The agent's own kinds. @default none */
  readonly own?: readonly OwnMemoryKind[];
  /** Takes out of data what is not to be stored. @default nothing */
  readonly clean?: (text: string) => string;
  /** The least trusted of the tools and memories on whose words the reply may rest. @default none has spoken */
  readonly heard?: Trust | null;
}

/** The user message of an extraction call. The agent's reply stands there to be understood, not to be believed. */
export function extractionPrompt({ message, facts, procedures }: ExtractionInput, reply: string): string {
  const at = { time: message.occurredAt };
  return JSON.stringify({
    messages: [
      { id: 1, speaker: 'user', ...at, text: message.text },
      { id: 2, speaker: 'agent', ...at, text: reply },
    ],
    known: [
      ...facts.map((fact) => {
        const { kind, subject, relation, value, text, data } = fact;
        return { kind, subject, relation, value, text, ...(isTyped(fact) ? { data } : {}) };
      }),
      ...procedures.map(({ goal, text }) => ({
        kind: 'procedure',
        subject: 'user',
        relation: 'how_to',
        value: goal,
        text,
      })),
    ].map((item, index) => ({ alias: index + 1, ...item })),
  });
}

/**
 * The JSON in a model's answer: whole, fenced, behind its thoughts or amid words. Throws ModelError MODEL_BAD_REPLY when there is none, or
 * none with a list of proposals; items are looked at one by one later.
 */
export function parseReply(text: string, model: string, own: readonly OwnMemoryKind[] = []): readonly unknown[] {
  const plain = text.replace(/<think>[\s\S]*?<\/think>/g, '').replace(/```(?:json)?/g, '');
  for (const candidate of [plain, between(plain, '{', '}'), between(plain, '[', ']')]) {
    let value: unknown;
    try {
      value = JSON.parse(candidate);
    } catch {
      continue;
    }
    const parsed = envelope.safeParse(Array.isArray(value) ? { proposals: value } : value);
    // A list of which nothing can be read is no answer: the model is told so, and asked again.
    if (
      parsed.success &&
      (parsed.data.proposals.length === 0 || parsed.data.proposals.some((one) => readItem(one, own) !== undefined))
    )
      return parsed.data.proposals;
  }
  throw new ModelError(
    'MODEL_BAD_REPLY',
    `Model "${model}" answered the extraction with something else than the JSON asked for.`,
  );
}

function between(text: string, open: string, close: string): string {
  return text.slice(Math.max(0, text.indexOf(open)), text.lastIndexOf(close) + 1);
}

/** The data of items of kinds of their author's own, by their place. */
export type TypedItems = ReadonlyMap<number, TypedData | { readonly problem: string }>;

/** Reads that data by the schemas of the kinds. None is needed to take back or to confirm what is named. */
export async function readTypedItems(
  { facts, own = [], clean }: ExtractionInput,
  items: readonly unknown[],
): Promise<TypedItems> {
  const found = new Map<number, TypedData | { readonly problem: string }>();
  for (const [at, given] of items.slice(0, mostProposals).entries()) {
    const item = readItem(given, own);
    const kind = own.find(({ name }) => name === item?.kind);
    if (!item || !kind || item.action === 'none') continue;
    const fact = item.target === null ? undefined : facts[item.target - 1];
    if (fact && (item.action === 'retract' || item.action === 'confirm')) continue;
    const isOther = item.action === 'supersede' && fact && fact.kind !== kind.name;
    const problem = `a memory of kind "${fact?.kind}" is not replaced by one of kind "${kind.name}"`;
    found.set(at, isOther ? { problem } : await kind.read(item.data, clean));
  }
  return found;
}

/**
 * What a model's items come to: proposals with real ids, and what is refused with the reason. An alias that was never given is refused,
 * not guessed; so is what would end or replace a known fact without the message speaking of it, whoever talked the model into that.
 */
export function readProposals(
  input: ExtractionInput,
  items: readonly unknown[],
  data: TypedItems = new Map(),
): { readonly proposals: readonly MemoryProposal[]; readonly refused: readonly MemoryOutcome[] } {
  const proposals: MemoryProposal[] = [];
  const refused: MemoryOutcome[] = [];
  const refuse = (text: string, reason: string): void =>
    void refused.push({ outcome: 'rejected', id: null, text: shorten(text, 200), reason });
  const { facts, procedures, source, message, own = [] } = input;
  // "Forget all of it" is for forgetting, which a person asks for by a command of its own: here each thing has to be named.
  const endsMany = items.filter((item) => readItem(item, own)?.action === 'retract').length > mostEndedByCue;
  for (const [at, item] of items.slice(0, mostProposals).entries()) {
    const read = readItem(item, own);
    if (!read) {
      refuse(JSON.stringify(item), `item ${at + 1} has another shape than asked for`);
      continue;
    }
    if (read.action === 'none') continue;
    const fact = read.target === null ? undefined : facts[read.target - 1];
    const typed = data.get(at);
    if (typed && 'problem' in typed) {
      refuse(read.text, typed.problem);
      continue;
    }
    const { data: _given, ...rest } = read;
    const told: Proposal = { ...rest, ...typed };
    const { action } = read;
    const { target, action: _action, message: from, since, until, ...proposal } = told;
    const procedure = target === null ? undefined : procedures[target - 1 - facts.length];
    const problem =
      target !== null && !fact && !procedure
        ? `alias ${target} was not given`
        : from !== 1
          ? `message ${from} is not the user's`
          : procedure && proposal.kind !== 'procedure'
            ? 'a how-to is no fact'
            : (ungrounded(told, fact, message.text, endsMany) ?? untimely(told, message.occurredAt));
    if (problem !== null) {
      refuse(proposal.text, problem);
      continue;
    }
    const validTo = iso(until);
    proposals.push({
      ...proposal,
      ...trustIn(input, told, fact),
      ...(proposal.kind === 'feedback' && isStatedBy(message.text, proposal) ? { isStated: true } : {}),
      ...(procedure ? { value: procedure.goal } : {}),
      action: proposal.kind === 'procedure' && action === 'confirm' ? 'assert' : action,
      target: fact?.fact ?? null,
      validFrom:
        action === 'retract'
          ? (validTo ?? message.occurredAt)
          : (iso(since) ?? (validTo === null ? message.occurredAt : unknownStart)),
      validTo: action === 'retract' ? null : validTo,
      source,
    });
  }
  const more = items.length - mostProposals;
  if (more > 0) refuse('', `${more} more were left out: a turn gives ${mostProposals} at most`);
  return { proposals, refused };
}

/** Why the message does not bear an item that ends or replaces something, or null. */
function ungrounded(item: Proposal, fact: KnownFact | undefined, message: string, endsMany: boolean): string | null {
  const isSingle = isTyped(item) ? item.keyFields !== undefined : holdsOf(item.relation) === 'one';
  const ends = item.action === 'retract' || item.action === 'supersede' || isSingle;
  if (!ends || item.kind === 'procedure') return null;
  const values = [...valuesOf(item), ...(item.action === 'assert' || !fact ? [] : valuesOf(fact))];
  const relation = endsMany && item.action === 'retract' ? null : (fact?.relation ?? item.relation);
  if (speaksOf(message, { values, relation })) return null;
  return 'the message does not speak of what this would end or replace';
}

/** The values by which a message may speak of something. */
function valuesOf({ value, data }: { readonly value: string; readonly data?: unknown }): string[] {
  return isTyped({ data }) ? leavesOf(data) : [value];
}

/**
 * What the user's own words state stays theirs. Anything else may come from the reply, and so from a tool that had spoken or a memory that was
 * recalled: it is trusted no more than that one.
 */
function trustIn(
  { message: { text }, heard = null }: ExtractionInput,
  { action, kind, value, relation, text: says, data }: Proposal,
  fact: KnownFact | undefined,
): { readonly trust?: Trust } {
  if (heard === null) return {};
  const isTheirs =
    action === 'retract' || action === 'confirm'
      ? speaksOf(statementsOf(text), {
          values: [value, ...(fact ? valuesOf(fact) : [])],
          relation: fact?.relation ?? relation,
        })
      : isStatedBy(text, { kind, value, text: says, data });
  return isTheirs ? {} : { trust: heard };
}

function untimely({ since, until, relation, keyFields }: Proposal, occurredAt: string): string | null {
  const start = iso(since);
  const end = iso(until);
  if (start !== null && end !== null && end < start) return 'it would end before it began';
  return (keyFields !== undefined || holdsOf(relation) === 'one') && start !== null && start > occurredAt
    ? 'it has yet to begin'
    : null;
}

/** A time as the log spells it, or null for none and for words that are no time. */
function iso(text: string | null): string | null {
  const parsed = text === null ? NaN : Date.parse(text);
  return Number.isNaN(parsed) ? null : new Date(parsed).toISOString();
}
