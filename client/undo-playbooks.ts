import type { StoredEvent } from '../eventstore/index.ts';
import type { LeftAlone, ProcedureConfirmed } from '../memory/care-events.ts';
import { itemKey } from '../memory/consolidate/item-key.ts';
import type { MemoryEvent, ProcedureLearned } from '../memory/events.ts';
import { findVersions, readRollbacks } from '../projections/procedural/queries.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { versionOf } from './procedures.ts';

/** What an undo does about the playbooks of a run. */
export interface PlaybookUndo {
  readonly events: readonly MemoryEvent[];
  /** How-tos of which a version stands no more. */
  readonly withdrawn: readonly string[];
  readonly left: readonly LeftAlone[];
  /** What no later run is to do again. */
  readonly items: readonly string[];
}

/**
 * Decides how the playbooks of a run are taken back: a version that it wrote and that stands still gives way to the one before, or to none;
 * turns that it added vouch no more.
 */
export async function undoPlaybooks(
  reader: ViewReader,
  {
    run,
    actor,
    done,
  }: { readonly run: string; readonly actor: string; readonly done: readonly StoredEvent<MemoryEvent>[] },
): Promise<PlaybookUndo> {
  const events: MemoryEvent[] = [];
  const withdrawn: string[] = [];
  const left: LeftAlone[] = [];
  const items: string[] = [];
  for (const { data } of done.filter(isOf('ProcedureLearned'))) {
    const { procedure, version, scope, steps = [] } = data;
    items.push(itemKey.learn(procedure, steps));
    const versions = await findVersions(reader, { procedure });
    const standing = versions.find(({ stands }) => stands);
    if (standing?.version !== version) {
      left.push({ id: procedure, why: 'another version stands since, or none' });
      continue;
    }
    const bad = new Set((await readRollbacks(reader, {}, [procedure])).map((one) => one.version));
    const before = versions.findLast((one) => one.version < version && !bad.has(one.version) && one.contentHash !== '');
    const restored = before ? versionOf(before) : null;
    const reason = `run ${run} was undone`;
    events.push({ type: 'ProcedureRolledBack', data: { procedure, scope, from: version, restored, actor, reason } });
    withdrawn.push(procedure);
  }
  for (const { data } of done.filter(isOf('ProcedureConfirmed'))) {
    const { procedure, version, scope } = data;
    const turns = data.sources.map(({ turn }) => turn);
    items.push(...turns.map((turn) => itemKey.prove(procedure, turn)));
    events.push({ type: 'ProcedureProofsWithdrawn', data: { procedure, version, scope, run, turns } });
  }
  return { events, withdrawn, left, items };
}

function isOf<Type extends (ProcedureLearned | ProcedureConfirmed)['type']>(type: Type) {
  return (event: StoredEvent<MemoryEvent>): event is StoredEvent<Extract<MemoryEvent, { readonly type: Type }>> =>
    event.type === type;
}
