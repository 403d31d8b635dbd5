import { ExpectedVersionConflictError, StreamSealedError, SubjectForgottenError } from '../eventstore/index.ts';
import type { Position } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { subjectsOf } from '../memory/subject.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { readViews } from '../projections/read-views.ts';
import { streamVersion } from '../projections/stream-version.ts';
import type { ConsolidationRef } from './consolidation-types.ts';
import type { ActivityDeps } from './deps.ts';
import { attachVectors, searchableTexts } from './memory-write.ts';

const maxDecisions = 10;

/**
 * Commits one part of a run: once, whoever asks how often; decided from the scope as it stands in one snapshot, and decided again when
 * somebody wrote to the scope meanwhile. Nothing is written when the run was undone, or the person forgotten, in between.
 * @param decide gives the events of the part, none when there is nothing left to do
 * @param readAt position at which words were read for it before @default that of the decision
 */
export async function commitUnit(
  deps: ActivityDeps,
  ref: ConsolidationRef,
  {
    key,
    decide,
    readAt,
    signal,
  }: {
    readonly key: string;
    readonly decide: (reader: ViewReader) => Promise<readonly MemoryEvent[]> | readonly MemoryEvent[];
    readonly readAt?: Position;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const id = commands.consolidation(ref.run, key);
  const tenant = await deps.store.tenantNumber(ref.tenant);
  const stream = streams.memory(ref.scope);
  const subjects = subjectsOf(ref.scope);
  for (let decision = 1; ; decision++) {
    if (await deps.store.readCommand(ref.tenant, id)) return;
    const { events, version, position } = await readViews(deps.pool, tenant, async (reader) => ({
      events: await decide(reader),
      version: await streamVersion(reader, stream),
      position: reader.position,
    }));
    if (events.length === 0) return;
    const origin = { subjects, readAt: readAt ?? position };
    await attachVectors(deps, tenant, { texts: searchableTexts(events), origin, signal });
    deps.reached('consolidation.decided', ref.run);
    try {
      await deps.store.append(ref.tenant, {
        id,
        streams: [
          { name: stream, expectedVersion: version },
          // An undo seals it: nothing is added to a run that was taken back.
          { name: streams.consolidation(ref.run), expectedVersion: 'any' },
        ],
        events: events.map((event) => ({ ...event, stream, subjects })),
        readAt: origin.readAt,
        meta: { actor: 'consolidation', run: ref.run },
      });
      deps.reached('consolidation.committed', ref.run);
      return;
    } catch (error) {
      if (error instanceof StreamSealedError || error instanceof SubjectForgottenError) return;
      if (!(error instanceof ExpectedVersionConflictError) || decision === maxDecisions) throw error;
    }
  }
}
