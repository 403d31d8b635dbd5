import { sha256 } from './digest.ts';
import type { NewEvent } from '../eventstore/index.ts';
import type { MemoryEvent, MemoryOutcome, Trust } from '../memory/events.ts';
import { streams } from '../memory/keys.ts';
import { instruct } from '../memory/instructions.ts';
import type { MemoryProposal, ReconcileInput } from '../memory/reconcile.ts';
import { factHash, reconcile } from '../memory/reconcile.ts';
import { joinNames } from '../memory/entities/names.ts';
import { holdsOf } from '../memory/relations.ts';
import { isTyped } from '../memory/kinds.ts';
import type { Scope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { listMerges } from './entities/queries.ts';
import { readKnownProcedures } from './procedural/queries.ts';
import type { ViewReader } from './read-views.ts';
import { readEndedFacts, readKnownFacts, readPastFacts } from './semantic/queries.ts';
import { streamVersion } from './stream-version.ts';

/** A memory write that is decided but not stored: the events and the version they were decided at. */
export interface DecidedWrite {
  readonly stream: string;
  /** The memory stream's version when it was read: the write is refused, and decided again, when another came between. */
  readonly expectedVersion: number;
  readonly events: readonly NewEvent<MemoryEvent>[];
  readonly outcomes: readonly MemoryOutcome[];
}

/** What somebody would like to write. */
export interface WriteInput {
  readonly scope: Scope;
  readonly trust: Trust;
  readonly proposals: readonly MemoryProposal[];
  /** The command's: ids of new memories are made of it and of the item's place, so a retry makes the same ones. */
  readonly key: string;
  /** When a memory of a kind is recalled no more, ISO 8601; null = never. @default never */
  readonly expiresAt?: ReconcileInput['expiresAt'];
  /** Feedback in the user's own words may become an instruction. @default false */
  readonly instructs?: boolean;
}

/** Decides proposals against what the scope holds in this snapshot. */
export async function decideProposals(reader: ViewReader, input: WriteInput): Promise<DecidedWrite> {
  const { scope, trust, proposals, key, expiresAt, instructs = false } = input;
  const stream = streams.memory(scope);
  // Only what has one value at a time has a time line to place a value on.
  const hasTimeline = proposals.some(
    ({ kind, relation, data, keyFields }) =>
      kind !== 'procedure' && (isTyped({ data }) ? keyFields !== undefined : holdsOf(relation) !== 'many'),
  );
  const past = hasTimeline ? await readPastFacts(reader, scope) : [];
  const known = await readKnownFacts(reader, scope);
  const names = joinNames(await listMerges(reader, scope), known);
  const hashes = proposals.map((proposal) => factHash(proposal, sha256));
  const ended = await readEndedFacts(reader, scope, [...new Set(hashes)]);
  const isPast = new Set(past.map(({ fact }) => fact));
  const facts = [...past, ...ended.filter(({ fact }) => !isPast.has(fact)), ...known];
  const procedures = await readKnownProcedures(reader, scope);
  const { events, outcomes } = reconcile({
    ...{ scope, trust, proposals, names, facts, procedures, hash: sha256 },
    newId: (ordinal) => `m-${sha256(`${key}/${ordinal}`).slice(0, 16)}`,
    ...(expiresAt ? { expiresAt } : {}),
  });
  const instructions = instruct({
    ...{ scope, events, proposals, facts, procedures, hash: sha256 },
    mayLearn: instructs && trust === 'direct_user',
    newId: (ordinal) => `i-${sha256(`${key}/instruction/${ordinal}`).slice(0, 16)}`,
  });
  return {
    stream,
    expectedVersion: await streamVersion(reader, stream),
    events: [...events, ...instructions].map((event) => ({ ...event, stream, subjects: subjectsOf(scope) })),
    outcomes,
  };
}
