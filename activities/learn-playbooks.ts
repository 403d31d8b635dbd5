import type { Agent } from '../agents/define-agent.ts';
import type { KnownPlaybook, PlaybookChange, WorkedTurn } from '../memory/consolidate/playbooks.ts';
import { findPlaybooks } from '../memory/consolidate/playbooks.ts';
import type { MemoryEvent, Trust } from '../memory/events.ts';
import { procedureHash } from '../memory/reconcile.ts';
import type { Scope } from '../memory/scope.ts';
import { shorten } from '../memory/text.ts';
import { leastTrusted } from '../memory/trust.ts';
import { readUndoneItems } from '../projections/care/queries.ts';
import { readWorkedTurns } from '../projections/care/worked-turns.ts';
import type { WorkedRow } from '../projections/care/worked-turns.ts';
import { sha256 } from '../projections/digest.ts';
import { listVersions, readProofs, readRollbacks } from '../projections/procedural/queries.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { scrubber } from '../scrub/scrub.ts';
import { commitUnit } from './consolidation-unit.ts';
import type { UnitOf, UnitOutcome } from './consolidation-types.ts';
import type { ActivityDeps } from './deps.ts';
import type { ActivityScope } from './run-activity.ts';

/** Writes what is new of playbooks in one command: versions learnt from tools that worked, and turns that vouch for those there are. */
export async function learnPlaybooks(
  deps: ActivityDeps,
  { unit, ...ref }: UnitOf<'learn'>,
  { signal }: ActivityScope,
): Promise<UnitOutcome> {
  const { scope, run } = ref;
  await commitUnit(deps, ref, {
    key: unit.key,
    signal,
    decide: async (reader) =>
      (await readPlaybookChanges(deps, reader, scope)).flatMap((change) => toEvent(change, { scope, run })),
  });
  return { problem: null };
}

function toEvent(
  { procedure, version, sources, learnt }: PlaybookChange,
  { scope, run }: { readonly scope: Scope; readonly run: string },
): MemoryEvent[] {
  const source = sources.at(-1);
  if (learnt === null || !source)
    return [{ type: 'ProcedureConfirmed', data: { procedure, version, scope, run, sources } }];
  const contentHash = procedureHash(learnt, sha256);
  return [
    {
      type: 'ProcedureLearned',
      data: { procedure, version, scope, run, ...learnt, contentHash, source: { ...source }, sources },
    },
  ];
}

/** What is new of the playbooks of exactly this scope. Only users have turns of their own. */
export async function readPlaybookChanges(
  { agents }: Pick<ActivityDeps, 'agents'>,
  reader: ViewReader,
  scope: Scope,
): Promise<PlaybookChange[]> {
  const { user, agent, thread } = scope;
  if (user === undefined || agent !== undefined || thread !== undefined) return [];
  const turns = (await readWorkedTurns(reader, user)).flatMap((row) => {
    const who = agents.get(row.agent);
    return who && mayLearn(who) ? [toWorkedTurn(row, who)] : [];
  });
  if (turns.length === 0) return [];
  const versions = (await listVersions(reader, scope)).filter(
    (one) => one.scope.agent === undefined && one.scope.thread === undefined && one.contentHash !== '',
  );
  // With the versions that somebody told of the same how-to: they may stand in its place, and they have their numbers.
  const learnt = new Map(
    [...Map.groupBy(versions, ({ procedure }) => procedure)].filter(([, own]) =>
      own.some(({ steps }) => steps !== null),
    ),
  );
  const procedures = [...learnt.keys()];
  const rollbacks = await readRollbacks(reader, {}, procedures);
  const proofs = await readProofs(reader, procedures);
  return findPlaybooks({
    turns,
    told: versions.filter(({ steps, stands }) => steps === null && stands).map(({ goal }) => goal),
    undone: new Set(await readUndoneItems(reader, scope)),
    newId: (name) => `p-${sha256(`playbook|${user}|${name}`).slice(0, 16)}`,
    known: [...learnt].map(([procedure, own]): KnownPlaybook => ({
      procedure,
      goal: own.at(-1)?.goal ?? '',
      versions: own.map(({ version, steps, stands }) => ({
        ...{ version, steps },
        status: stands
          ? 'stands'
          : rollbacks.some((one) => one.procedure === procedure && one.version === version)
            ? 'rolled_back'
            : 'superseded',
        proofs: proofs.filter((one) => one.procedure === procedure && one.version === version).map(({ turn }) => turn),
      })),
    })),
  });
}

/** An agent whose how-tos wait for a person, or that keeps none, gives none behind their back. */
function mayLearn({ memory }: Agent): boolean {
  return memory.kinds.includes('procedure') && memory.writes.procedure === 'auto';
}

function toWorkedTurn(row: WorkedRow, agent: Agent): WorkedTurn {
  const clean = scrubber(agent.memory.scrub);
  const message = clean(row.message);
  const tools = row.calls.map(({ tool }): Trust => {
    const found = agent.tools.find(({ name }) => name === tool);
    // What another agent has heard is recorded with the turn's own steps.
    if (found?.subAgent) return 'model_inference';
    return found?.trust === 'internal' ? 'tool_internal' : 'tool_external';
  });
  return {
    ...{ message, occurredAt: row.occurredAt.toISOString(), status: row.status, code: row.code, calls: row.calls },
    source: { thread: row.thread, branch: row.branch, turn: row.turn, quote: shorten(message, 200) },
    trust: leastTrusted('model_inference', row.heard, ...tools) ?? 'model_inference',
  };
}
