import { sql } from 'kysely';
import type { ForkTools } from '../../memory/events.ts';
import type { ModelOptionsChange } from '../../memory/model-options.ts';
import { forkOf } from '../../memory/scope.ts';
import type { ViewReader } from '../read-views.ts';
import { listSteps, listTurns } from '../threads/queries.ts';
import type { StepRow, TurnRow } from '../threads/queries.ts';
import type { ForkRow, Lineage, LineageStep } from './lineage.ts';
import { lineageOf } from './lineage.ts';

/** A branch of a thread, by name. */
export interface BranchRef {
  readonly thread: string;
  readonly branch: string;
}

/** What a fork changes for all of its turns. */
export interface ForkRules {
  readonly tools: ForkTools;
  readonly instructions: string | null;
  readonly model: string | null;
  /** One change after the other, that of the fork it comes from first. */
  readonly modelOptions: readonly ModelOptionsChange[];
}

/** The lineage of a branch; undefined for the main branch. */
export function branchLineage(reader: ViewReader, branch: BranchRef): Promise<Lineage | undefined> {
  return lineageOf(reader, forkOf(branch));
}

/** The rules of a branch, or null where nothing is changed. A fork of a fork keeps what it does not change itself. */
export async function readForkRules(reader: ViewReader, branch: BranchRef): Promise<ForkRules | null> {
  const forks = forksOf((await branchLineage(reader, branch)) ?? []);
  const [own] = forks;
  if (!own) return null;
  return {
    tools: own.tools,
    instructions: forks.find(({ instructions }) => instructions !== null)?.instructions ?? null,
    model: forks.find(({ model }) => model !== null)?.model ?? null,
    // What the projection wrote there.
    modelOptions: forks.toReversed().map((fork) => (fork.model_options ?? {}) as ModelOptionsChange),
  };
}

/** The forks of a lineage, itself first. */
export function forksOf(lineage: Lineage): ForkRow[] {
  return lineage.flatMap(({ forked }) => (forked ? [forked] : []));
}

/** A turn whose steps another one takes over: up to a step, and as of a position. */
export interface TakenOver {
  readonly turn: string;
  readonly steps: number;
  readonly position: number;
}

/** The turns that a turn goes on with, nearest first; empty for all but the first turn of a fork. */
export function takenOver(lineage: Lineage | undefined, turn: string): TakenOver[] {
  const forks = forksOf(lineage ?? []);
  const found: TakenOver[] = [];
  let [next, steps, position] = [turn, Infinity, Infinity];
  for (;;) {
    const fork = forks.find(({ new_turn: newTurn }) => newTurn === next);
    if (!fork || fork.turn === null) return found;
    steps = Math.min(steps, fork.step);
    position = Math.min(position, fork.position);
    found.push({ turn: fork.turn, steps, position });
    next = fork.turn;
  }
}

/** The part of a lineage that a position of it belongs to: the line of history that was being written then. */
export function lineAt(lineage: Lineage, position: number): LineageStep | undefined {
  return lineage.find(({ forked }) => forked === null || forked.from_pos <= position);
}

/**
 * The turns of a branch in order, with those it comes from: as they stood where it left, and ended there. What it goes on with is a
 * turn of its own.
 */
export async function listBranchTurns(reader: ViewReader, branch: BranchRef): Promise<TurnRow[]> {
  const lineage = await branchLineage(reader, branch);
  const turns = await listTurns(reader, branch);
  for (const { branch: name, position } of lineage?.slice(1) ?? []) {
    const earlier = await listTurns({ ...reader, position }, { thread: branch.thread, branch: name });
    turns.unshift(...earlier.filter(({ status }) => status !== 'running' && status !== 'waiting'));
  }
  return turns;
}

/** A step that a turn takes over, as it was recorded; undefined when it takes over none of that number. */
export async function findTakenStep(
  reader: ViewReader,
  { turn, ...branch }: BranchRef & { readonly turn: string },
  step: number,
): Promise<StepRow | undefined> {
  const taken = takenOver(await branchLineage(reader, branch), turn);
  for (const { turn: from, position } of taken.filter(({ steps }) => steps >= step)) {
    const found = (await listSteps({ ...reader, position }, { turn: from })).find((row) => row.step === step);
    if (found) return found;
  }
  return undefined;
}

/** Which calls of a taken-over step have a result: recorded, or set by the fork. */
export async function listAnswered(
  reader: ViewReader,
  { turn, ...branch }: BranchRef & { readonly turn: string },
  step: number,
): Promise<ReadonlySet<number>> {
  const taken = takenOver(await branchLineage(reader, branch), turn);
  const answered = new Set<number>();
  for (const from of [{ turn, steps: Infinity, position: reader.position }, ...taken]) {
    if (from.steps < step) continue;
    const rows = await reader.db
      .selectFrom('tool_outcome')
      .select('ordinal')
      .where('tenant', '=', reader.tenant)
      .where('turn', '=', from.turn)
      .where('step', '=', step)
      .where('from_pos', '<=', from.position)
      .execute();
    for (const { ordinal } of rows) answered.add(ordinal);
  }
  return answered;
}

/** What a tool came to when it was called with these arguments. */
export interface RecordedResult {
  readonly turn: string;
  readonly outcome: string;
  readonly result: string;
}

/**
 * The result of a call of the same tool with the same arguments on the branches that a fork comes from, also of one that was made after
 * it left: the turn that it goes on with first, then the newest. Only calls that were run.
 */
export async function findRecordedResult(
  reader: ViewReader,
  { turn, ...branch }: BranchRef & { readonly turn: string },
  call: { readonly tool: string; readonly arguments: unknown },
): Promise<RecordedResult | undefined> {
  const lineage = (await branchLineage(reader, branch)) ?? [];
  const from = takenOver(lineage, turn).map((taken) => taken.turn);
  const rows = await reader.db
    .selectFrom('tool_outcome')
    .select(['turn', 'outcome', 'result'])
    .where('tenant', '=', reader.tenant)
    .where('tool', '=', call.tool)
    .where('outcome', 'in', ['ok', 'failed', 'timed_out'])
    .where('thread', '=', branch.thread)
    .where(
      'branch',
      'in',
      lineage.slice(1).map((step) => step.branch),
    )
    .where('from_pos', '<=', reader.position)
    .where(sql<boolean>`arguments = ${JSON.stringify(call.arguments)}::jsonb`)
    .orderBy('from_pos', 'desc')
    .limit(100)
    .execute();
  return rows.find((row) => from.includes(row.turn)) ?? rows[0];
}
