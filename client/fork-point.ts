import type { Position } from '../eventstore/index.ts';
import type { Lineage, LineageStep } from '../projections/branches/lineage.ts';
import { branchLineage, findTakenStep, lineAt, takenOver } from '../projections/branches/queries.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { findTurn, listSteps, listTurns } from '../projections/threads/queries.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import { mainBranch } from '../memory/scope.ts';
import { ThreadNotFoundError, TurnNotFoundError } from './client-errors.ts';
import { BranchNotFoundError, InvalidForkError } from './fork-errors.ts';

/** Where to fork: after a step of a turn (0 = before its first model call), or at a position of the log. */
export type ForkPoint = { readonly turn: string; readonly step?: number } | { readonly position: Position };

/** The place that was found. */
export interface ForkedAt {
  /** The branch that was being written there. */
  readonly parent: string;
  readonly position: Position;
  /** The turn that had not ended there: the fork goes on with it. */
  readonly open: TurnRow | null;
  /** How many of its steps are taken over. */
  readonly steps: number;
  /** The newest turn up to there. */
  readonly last: TurnRow;
}

/** Finds the place in a thread. Throws ThreadNotFoundError, BranchNotFoundError, TurnNotFoundError, InvalidForkError. */
export async function findForkPoint(
  reader: ViewReader,
  { thread, branch, at }: { readonly thread: string; readonly branch: string; readonly at: ForkPoint },
): Promise<ForkedAt> {
  if ((await listTurns(reader, { thread, limit: 1 })).length === 0) throw new ThreadNotFoundError(thread);
  const lineage = await linesOf(reader, thread, branch);
  if ('position' in at) return atPosition(reader, thread, lineage, await endOfCommand(reader, at.position));
  return atStep(reader, thread, lineage, { turn: at.turn, step: at.step ?? 0 });
}

async function linesOf(reader: ViewReader, thread: string, branch: string): Promise<Lineage> {
  const lineage = await branchLineage(reader, { thread, branch });
  if (lineage === undefined) return [{ fork: '', branch: mainBranch, position: reader.position, forked: null }];
  if (lineage[0]?.forked === null && (await listTurns(reader, { thread, branch, limit: 1 })).length === 0)
    throw new BranchNotFoundError(thread, branch);
  return lineage;
}

/** A state that somebody could see: that after the command which wrote the position. */
async function endOfCommand({ client, tenant, position: head }: ViewReader, position: Position): Promise<Position> {
  const { rows } = await client.query<{ last: Position }>(
    `select last_position as last from holdfast.command where tenant = $1 and first_position <= $2
     order by first_position desc limit 1`,
    [tenant, Math.min(position, head)],
  );
  return Math.max(position > head ? head : position, rows[0]?.last ?? 0);
}

async function atPosition(reader: ViewReader, thread: string, lineage: Lineage, position: Position): Promise<ForkedAt> {
  const line = lineAt(lineage, position);
  const then = { ...reader, position: Math.min(position, line?.position ?? position) };
  const turns = await listTurns(then, { thread, branch: line?.branch ?? mainBranch, limit: 10_000 });
  const last = turns.at(-1) ?? (await lastInherited(reader, thread, lineage, line));
  if (!line || !last) {
    throw new InvalidForkError(
      `Thread "${thread}" has no turn at position ${position}.`,
      'List its checkpoints with `holdfast checkpoints <thread>`.',
    );
  }
  const open = turns.find(({ status }) => status === 'running' || status === 'waiting') ?? null;
  const steps = open === null ? 0 : await countSteps(then, open, lineage);
  return { parent: line.branch, position: then.position, open, steps, last };
}

async function atStep(
  reader: ViewReader,
  thread: string,
  lineage: Lineage,
  { turn, step }: { readonly turn: string; readonly step: number },
): Promise<ForkedAt> {
  const row = await findTurn(reader, turn);
  const line = lineage.find(({ branch }) => branch === row?.branch);
  if (row?.thread !== thread || !line || row.position > line.position) throw new TurnNotFoundError(turn);
  const count = await countSteps(reader, row, lineage);
  if (step > count) {
    throw new InvalidForkError(
      `Turn "${turn}" has ${count} ${count === 1 ? 'step' : 'steps'}, so it cannot be forked after step ${step}.`,
      'List its checkpoints with `holdfast checkpoints <thread>`.',
    );
  }
  const next = (await listSteps(reader, { turn })).find((each) => each.step === step + 1);
  const following = next ?? (await findTakenStep(reader, row, step + 1));
  // What the next model call read; a fork's own beginning (its changes) belongs to every place of its turn.
  const from = await endOfCommand(reader, row.position);
  const position = Math.max(from, following?.base_position ?? (await endOfStep(reader, row, step)));
  const then = await findTurn({ ...reader, position }, turn);
  const isOpen = then?.status === 'running' || then?.status === 'waiting';
  return { parent: row.branch, position, open: isOpen ? row : null, steps: isOpen ? step : 0, last: row };
}

/** Where the last step of a turn was done with: at the turn's end, or when the last of its calls had its result. */
async function endOfStep(reader: ViewReader, { turn }: TurnRow, step: number): Promise<Position> {
  const { db, tenant, position } = reader;
  const end = await db
    .selectFrom('turn_end')
    .select('from_pos')
    .where('tenant', '=', tenant)
    .where('turn', '=', turn)
    .where('from_pos', '<=', position)
    .executeTakeFirst();
  const result = await db
    .selectFrom('message')
    .select(({ fn }) => fn.max('from_pos').as('last'))
    .where('tenant', '=', tenant)
    .where('turn', '=', turn)
    .where('step', '=', step)
    .where('from_pos', '<=', position)
    .executeTakeFirst();
  const last = await endOfCommand(reader, result?.last ?? 0);
  // A turn that failed after its last step is forked before it failed.
  const completed = end && (await findTurn(reader, turn))?.status === 'completed';
  return completed ? end.from_pos : last;
}

async function countSteps(reader: ViewReader, { turn }: TurnRow, lineage: Lineage): Promise<number> {
  const own = await listSteps(reader, { turn });
  return Math.max(takenOver(lineage, turn)[0]?.steps ?? 0, ...own.map(({ step }) => step));
}

/** The newest turn that a branch without one of its own comes from. */
async function lastInherited(
  reader: ViewReader,
  thread: string,
  lineage: Lineage,
  line: LineageStep | undefined,
): Promise<TurnRow | undefined> {
  if (!line) return undefined;
  for (const { branch, position } of lineage.slice(lineage.indexOf(line) + 1)) {
    const last = (await listTurns({ ...reader, position }, { thread, branch, limit: 1 })).at(-1);
    if (last) return last;
  }
  return undefined;
}
