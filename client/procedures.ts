import { ExpectedVersionConflictError } from '../eventstore/index.ts';
import type { Moment } from '../eventstore/index.ts';
import type { Source, Trust } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import type { ProcedureVersion } from '../memory/procedure-events.ts';
import type { UseCounts } from '../memory/procedure-use.ts';
import type { Scope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import type { VersionRow } from '../projections/procedural/queries.ts';
import { findVersions, listVersions, readProofs, readRollbacks } from '../projections/procedural/queries.ts';
import { countProcedureUses } from '../projections/procedural/uses.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { readViews } from '../projections/read-views.ts';
import { streamVersion } from '../projections/stream-version.ts';
import { isActor } from './actor.ts';
import { InvalidRollbackError, ProcedureNotFoundError } from './procedure-errors.ts';
import type { ClientContext } from './send-turn.ts';

/** A how-to with all its versions. */
export interface ProcedureRow {
  readonly procedure: string;
  readonly goal: string;
  readonly scope: Scope;
  /** The version that is recalled; null when none is. */
  readonly version: number | null;
  /** Oldest first. */
  readonly versions: readonly ProcedureVersionRow[];
}

/** A version of a how-to, and what became of the turns that had it in their prompt (docs/memory.md says how they are judged). */
export interface ProcedureVersionRow extends UseCounts {
  readonly version: number;
  readonly status: 'stands' | 'superseded' | 'rolled_back';
  readonly text: string;
  readonly trust: Trust;
  readonly validFrom: Date;
  readonly position: number;
  /** Who said it; of one learnt from tool calls that worked, the turns in which they did. */
  readonly sources: readonly Source[];
  /** Tools in order, where it was learnt from calls that worked; null where somebody told it. */
  readonly steps: readonly string[] | null;
  /** Who took it back, and why; null for a version that nobody did. */
  readonly rollback: { readonly actor: string; readonly reason: string; readonly position: number } | null;
}

/** Which version of a how-to is to stand. */
export interface RollbackProcedure {
  readonly procedure: string;
  /** Its number, earlier or later than the one that stands; 0 = none stands from now on. */
  readonly to: number;
  /** Who says so, and why; recorded. */
  readonly actor: string;
  readonly reason: string;
  /** In this fork only (see `Scope.fork`). @default everywhere but in forks */
  readonly fork?: string;
}

/** How-tos that a reader sees, each with all its versions, in order of goal. */
export async function readProcedures(
  context: ClientContext,
  { scope, at }: { readonly scope: Scope; readonly at?: Moment },
): Promise<ProcedureRow[]> {
  return readViews(
    context.pool,
    await context.store.tenantNumber(context.tenant),
    async (reader) => describe(reader, scope, await listVersions(reader, scope)),
    { at },
  );
}

/**
 * Has another version of a how-to stand, or none: the one that stood is not recalled any more, and the same text is not learnt again
 * as a new version. Turns that used it stay as they are. Asking for what stands already writes nothing, so it can be repeated.
 * Throws ProcedureNotFoundError, InvalidRollbackError and the errors of the store.
 */
export async function rollbackProcedure(context: ClientContext, request: RollbackProcedure): Promise<ProcedureRow> {
  const { procedure, to, actor, reason, fork } = request;
  if (!isActor(actor)) throw new InvalidRollbackError('A rollback needs an actor of 1 to 200 plain characters.');
  if (reason.trim() === '' || reason.length > 1_000)
    throw new InvalidRollbackError('A rollback needs a reason of 1 to 1000 characters.');
  if (!Number.isSafeInteger(to) || to < 0)
    throw new InvalidRollbackError(`\`to\` must be the number of a version, or 0 for none; it is ${to}.`);
  const tenant = await context.store.tenantNumber(context.tenant);
  for (;;) {
    const { row, standing, restored, position, expectedVersion } = await readViews(
      context.pool,
      tenant,
      async (reader) => {
        const versions = await findVersions(reader, { procedure, fork });
        const [first] = versions;
        if (!first) throw new ProcedureNotFoundError(procedure);
        const scope = placeOf(first.scope, fork);
        const [described] = await describe(reader, scope, versions);
        return {
          row: described,
          standing: versions.find(({ stands }) => stands),
          restored: versions.find(({ version }) => version === to),
          position: reader.position,
          expectedVersion: await streamVersion(reader, streams.memory(scope)),
        };
      },
    );
    if (to !== 0 && !restored) throw new ProcedureNotFoundError(procedure, to);
    if (!row || (standing?.version ?? 0) === to) return row ?? Promise.reject(new ProcedureNotFoundError(procedure));
    if (restored?.contentHash === '')
      throw new InvalidRollbackError(`The words of version ${to} of "${procedure}" were forgotten.`);
    const { scope } = row;
    const stream = streams.memory(scope);
    try {
      await context.store.append(context.tenant, {
        // Where nothing stands, what stood last does not either: the position is that of the command's own snapshot.
        id: commands.rollback(procedure, fork ?? '', standing?.position ?? position),
        streams: [{ name: stream, expectedVersion }],
        events: [
          {
            type: 'ProcedureRolledBack',
            stream,
            subjects: subjectsOf(scope),
            data: {
              ...{ procedure, scope, from: standing?.version ?? 0, actor, reason },
              restored: restored ? versionOf(restored) : null,
            },
          },
        ],
        readAt: position,
        meta: { actor },
      });
    } catch (error) {
      // Somebody wrote to the scope meanwhile: decided again.
      if (!(error instanceof ExpectedVersionConflictError)) throw error;
    }
  }
}

function placeOf({ fork: _fork, ...scope }: Scope, fork: string | undefined): Scope {
  return { ...scope, ...(fork === undefined ? {} : { fork }) };
}

/** A version as an event tells it that has it stand again. */
export function versionOf(row: VersionRow): ProcedureVersion {
  const { version, goal, text, contentHash, trust, validFrom, source, steps } = row;
  const told = { version, goal, text, contentHash, trust, validFrom: validFrom.toISOString(), source };
  return { ...told, ...(steps === null ? {} : { steps }) };
}

async function describe(reader: ViewReader, scope: Scope, rows: readonly VersionRow[]): Promise<ProcedureRow[]> {
  const procedures = [...new Set(rows.map(({ procedure }) => procedure))];
  const counts = await countProcedureUses(reader, { scope, procedures });
  const rollbacks = await readRollbacks(reader, scope, procedures);
  const proofs = await readProofs(reader, procedures);
  return [...Map.groupBy(rows, ({ procedure }) => procedure)].map(([procedure, versions]) => {
    const standing = versions.find(({ stands }) => stands);
    const shown = standing ?? versions.at(-1);
    return {
      procedure,
      goal: shown?.goal ?? '',
      scope: placeOf(shown?.scope ?? {}, scope.fork),
      version: standing?.version ?? null,
      versions: versions.map(({ version, text, trust, validFrom, position, source, steps, stands }) => {
        const own = proofs.filter((one) => one.procedure === procedure && one.version === version);
        const sources = own.map(({ thread, branch, turn, quote }): Source => ({ thread, branch, turn, quote }));
        const found = rollbacks.findLast((one) => one.procedure === procedure && one.version === version);
        const rollback =
          stands || !found ? null : { actor: found.actor, reason: found.reason, position: found.position };
        return {
          version,
          status: stands ? 'stands' : rollback ? 'rolled_back' : 'superseded',
          ...{ text, trust, validFrom, position, steps, rollback },
          sources: sources.length > 0 ? sources : [source],
          ...(counts.get(procedure)?.get(version) ?? { successes: 0, failures: 0, unknown: 0 }),
        };
      }),
    };
  });
}
