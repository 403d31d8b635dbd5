import { isDeepStrictEqual } from 'node:util';
import type { ViewChange } from '../eventstore/index.ts';
import { turnScope } from '../memory/scope.ts';
import { branchLineage, listBranchTurns } from '../projections/branches/queries.ts';
import { readTrajectory } from '../projections/branches/trajectory.ts';
import type { TracedStep } from '../projections/branches/trajectory.ts';
import { listProcedures } from '../projections/procedural/queries.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { readViews } from '../projections/read-views.ts';
import { listFacts } from '../projections/semantic/queries.ts';
import { listTurns } from '../projections/threads/queries.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import { readBlocks } from '../projections/working/queries.ts';
import { ThreadNotFoundError } from './client-errors.ts';
import type { ViewDiff } from './diff-memory.ts';
import { BranchNotFoundError } from './fork-errors.ts';
import type { ClientContext } from './send-turn.ts';

/** Two branches of a thread to compare. */
export interface BranchDiffRequest {
  readonly thread: string;
  readonly a: string;
  readonly b: string;
}

/** A step on both branches, where it is there. */
export interface StepDiff {
  readonly step: number;
  /** Same reply, same calls with the same arguments and outcomes. The prompt and the model may differ. */
  readonly same: boolean;
  readonly a: TracedStep | null;
  readonly b: TracedStep | null;
}

/** The nth turn that only one of the branches has, or that each has its own version of. */
export interface TurnDiff {
  readonly a: TurnRow | null;
  readonly b: TurnRow | null;
  readonly steps: readonly StepDiff[];
}

/** How two branches differ. */
export interface BranchDiff extends BranchDiffRequest {
  /** Turns that both have. */
  readonly shared: readonly string[];
  /** The newest reply of each since they parted; null where there is none. */
  readonly reply: { readonly a: string | null; readonly b: string | null; readonly same: boolean };
  /** What they did since they parted, turn by turn. */
  readonly turns: readonly TurnDiff[];
  /** What is remembered: gained = only on b, lost = only on a. Views that differ. */
  readonly memory: readonly ViewDiff[];
}

/** Compares two branches as they are now: replies, trajectories, memory. Throws ThreadNotFoundError, BranchNotFoundError. */
export async function diffBranches(context: ClientContext, request: BranchDiffRequest): Promise<BranchDiff> {
  const { thread, a, b } = request;
  return readViews(context.pool, await context.store.tenantNumber(context.tenant), async (reader) => {
    if ((await listTurns(reader, { thread, limit: 1 })).length === 0) throw new ThreadNotFoundError(thread);
    const [left, right] = [await readSide(reader, thread, a), await readSide(reader, thread, b)];
    const shared = left.turns.map(({ turn }) => turn).filter((turn) => right.turns.some((own) => own.turn === turn));
    const isOwn = ({ turn }: TurnRow): boolean => !shared.includes(turn);
    const [mine, theirs] = [left.turns.filter(isOwn), right.turns.filter(isOwn)];
    const turns: TurnDiff[] = [];
    for (let n = 0; n < Math.max(mine.length, theirs.length); n++) {
      const [one, other] = [mine[n] ?? null, theirs[n] ?? null];
      turns.push({
        a: one,
        b: other,
        steps: pairSteps(
          one ? await readTrajectory(reader, left.lineage, one.turn) : [],
          other ? await readTrajectory(reader, right.lineage, other.turn) : [],
        ),
      });
    }
    const reply = { a: mine.at(-1)?.reply ?? null, b: theirs.at(-1)?.reply ?? null };
    return {
      ...{ thread, a, b, shared, turns },
      reply: { ...reply, same: reply.a === reply.b },
      memory: compareMemory(left.memory, right.memory),
    };
  });
}

async function readSide(reader: ViewReader, thread: string, branch: string) {
  const lineage = await branchLineage(reader, { thread, branch });
  const turns = await listBranchTurns(reader, { thread, branch });
  const last = turns.at(-1);
  if (!last || (lineage?.[0]?.forked === null && !turns.some((turn) => turn.branch === branch)))
    throw new BranchNotFoundError(thread, branch);
  const scope = { ...turnScope({ user: last.user, thread, branch }), agent: last.agent, thread };
  return { lineage, turns, memory: await readMemory(reader, scope) };
}

function pairSteps(a: readonly TracedStep[], b: readonly TracedStep[]): StepDiff[] {
  const said = ({ text, calls }: TracedStep): unknown => ({ text, calls });
  return [...new Set([...a, ...b].map(({ step }) => step))]
    .sort((one, other) => one - other)
    .map((step) => {
      const pair = { a: a.find((own) => own.step === step) ?? null, b: b.find((own) => own.step === step) ?? null };
      return {
        step,
        same: pair.a !== null && pair.b !== null && isDeepStrictEqual(said(pair.a), said(pair.b)),
        ...pair,
      };
    });
}

/** Something remembered, in the columns of its view. */
interface Remembered {
  readonly view: string;
  readonly key: Readonly<Record<string, unknown>>;
  readonly position: number;
  readonly row: Readonly<Record<string, unknown>>;
  /** What it is about: two memories about the same that say different things are a change. */
  readonly about: string;
}

async function readMemory(reader: ViewReader, scope: Parameters<typeof readBlocks>[1]): Promise<Remembered[]> {
  const facts = await listFacts(reader, { reader: scope, limit: 10_000 });
  const procedures = await listProcedures(reader, scope);
  const blocks = await readBlocks(reader, scope);
  return [
    ...facts.map(({ fact, position, kind, subject, relation, value, text, validFrom }) => ({
      ...{ view: 'fact', key: { fact }, position, about: `${subject} ${relation}` },
      row: { kind, subject, relation, value, content: text, valid_from: validFrom },
    })),
    ...procedures.map(({ procedure, version, goal, content, from_pos: position }) => ({
      ...{ view: 'procedure', key: { procedure }, position, about: goal },
      row: { version, goal, content },
    })),
    ...blocks.map(({ label, position, value }) => ({
      ...{ view: 'block', key: { label }, position, about: label },
      row: { label, value },
    })),
  ];
}

function compareMemory(a: readonly Remembered[], b: readonly Remembered[]): ViewDiff[] {
  const lost = a.filter((one) => !b.some((other) => one.view === other.view && isDeepStrictEqual(one.row, other.row)));
  const gained = b.filter(
    (one) => !a.some((other) => one.view === other.view && isDeepStrictEqual(one.row, other.row)),
  );
  const changes: ViewChange[] = [];
  for (const after of gained) {
    const at = lost.findIndex((one) => one.view === after.view && one.about === after.about);
    const [before] = at < 0 ? [] : lost.splice(at, 1);
    changes.push(toChange(before, after));
  }
  for (const before of lost) changes.push(toChange(before, undefined));
  const views = [...new Set(changes.map(({ view }) => view))];
  return views.map((view) => {
    const own = changes.filter((change) => change.view === view).sort((x, y) => x.position - y.position);
    const count = (kind: ViewChange['change']): number => own.filter(({ change }) => change === kind).length;
    return { view, gained: count('gained'), lost: count('lost'), changed: count('changed'), changes: own };
  });
}

function toChange(before: Remembered | undefined, after: Remembered | undefined): ViewChange {
  const [one, other] = [before ?? after, after ?? before];
  if (!one || !other) throw new Error('A change needs a side.');
  return {
    view: one.view,
    change: before && after ? 'changed' : after ? 'gained' : 'lost',
    position: other.position,
    key: other.key,
    before: before ? before.row : null,
    after: after ? after.row : null,
  };
}
