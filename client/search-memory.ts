import { InvalidReadError } from '../eventstore/index.ts';
import type { Moment } from '../eventstore/index.ts';
import type { Embedder } from '../llm/ports.ts';
import type { RecallPolicy } from '../memory/recall/policy.ts';
import type { Scope } from '../memory/scope.ts';
import type { RetrieveInput } from '../projections/search/retrieve.ts';

/** What is searched for, where, and how. */
export interface MemorySearch {
  readonly query: string;
  readonly scope: Scope;
  /** Most memories. @default 8 */
  readonly limit?: number;
  /** Most tokens of what is returned. @default no bound */
  readonly budgetTokens?: number;
  /** What may be recalled, and how it is weighed. @default everything, by relevance */
  readonly policy?: RecallPolicy;
  /** When it is asked; "last week" is the week before. @default now */
  readonly askedAt?: Date;
  /** What was known at this position or time. @default now */
  readonly at?: Moment;
  /** Facts that held in the world at this time, and what was said up to it. @default what holds now */
  readonly validAt?: Date;
}

const allowed = ['query', 'scope', 'limit', 'budgetTokens', 'policy', 'askedAt', 'at', 'validAt'];
const parts = ['user', 'agent', 'thread', 'fork'];

/** What retrieval takes for a search. Throws InvalidReadError: a filter is never dropped silently. */
export async function searchInput(request: MemorySearch, embedder: Embedder | undefined): Promise<RetrieveInput> {
  assertKnown('the search option', request, allowed);
  assertKnown('the part of the scope', request.scope, parts);
  const { query, scope, limit, budgetTokens = 1_000_000, policy, askedAt = new Date(), validAt } = request;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
    throw new InvalidReadError('limit', 'a whole number greater than 0', limit);
  if (Number.isNaN(askedAt.getTime())) throw new InvalidReadError('askedAt', 'a valid Date', askedAt);
  const [values] = embedder ? await embedder.embed([query]) : [];
  return {
    scope,
    query,
    vector: embedder && values ? { model: embedder.model, values } : null,
    now: askedAt,
    budgetTokens,
    ...(limit === undefined ? {} : { limit }),
    ...(policy === undefined ? {} : { policy }),
    ...(validAt === undefined ? {} : { validAt }),
  };
}

function assertKnown(what: string, value: object, names: readonly string[]): void {
  for (const name of Object.keys(value))
    if (!names.includes(name)) throw new InvalidReadError(what, `one of ${names.join(', ')}`, name);
}
