import { ExpectedVersionConflictError } from '../eventstore/index.ts';
import type { NewEvent } from '../eventstore/index.ts';
import type { MemoryEvent, MemoryOutcome } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { shorten } from '../memory/text.ts';
import { readMessages } from '../projections/working/queries.ts';
import { readKnownProcedures } from '../projections/procedural/queries.ts';
import { readViews } from '../projections/read-views.ts';
import { readKnownFacts } from '../projections/semantic/queries.ts';
import { turnEndPosition } from '../projections/threads/awaiting-extraction.ts';
import { findTurn } from '../projections/threads/queries.ts';
import { scrubber } from '../scrub/scrub.ts';
import { UnknownAgentError, UnknownTurnError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import { heardTrust } from './heard-trust.ts';
import { assertRemembered, attachVectors, decideWrite, searchableTexts } from './memory-write.ts';
import { propose } from './propose-memories.ts';
import type { ActivityScope } from './run-activity.ts';
import type { ScopeOrder } from './scope-order.ts';
import type { TurnRef } from './types.ts';

/** Facts shown to the extractor as neighbours: more would cost tokens and confuse. */
const mostNeighbours = 40;
/** How-tos shown to it, so that it can replace one. */
const mostProcedures = 10;
const maxDecisions = 10;
const unordered: ScopeOrder = (_key, work) => work();

/**
 * Extracts memories from a turn's words and commits what reconciliation makes of them, with one event that lists every
 * outcome. A model, or fixed rules where none is wanted or none answers usefully, only proposes. The agent's prompt, recalled memories
 * and tool results are never shown to it.
 */
export async function extractMemory(deps: ActivityDeps, input: TurnRef, { signal }: ActivityScope): Promise<void> {
  const commandId = commands.extraction(input.turn);
  if (await deps.store.readCommand(input.tenant, commandId)) return;
  const agent = deps.agents.get(input.agent);
  if (!agent) throw new UnknownAgentError(input.agent, [...deps.agents.keys()]);
  if (!agent.memory.extract) return;
  const tenant = await deps.store.tenantNumber(input.tenant);
  const { turn, facts, procedures, heard } = await readViews(deps.pool, tenant, async (reader) => {
    const found = await findTurn(reader, input.turn);
    if (!found) throw new UnknownTurnError(input.turn);
    await assertRemembered(reader, {
      subjects: subjectsOf(turnScope(found)),
      since: found.position,
      command: commandId,
    });
    const then = { ...reader, position: (await turnEndPosition(reader, input.turn)) ?? reader.position };
    return {
      turn: found,
      facts: await readKnownFacts(reader, turnScope(found)),
      procedures: (await readKnownProcedures(reader, turnScope(found))).slice(-mostProcedures),
      // As it was when the turn ended: what was said since is none of its words.
      heard: await heardTrust(then, {
        ...(await readMessages(then, { thread: found.thread, branch: found.branch, turn: found.turn })),
        ...{ agents: deps.agents, agent },
      }),
    };
  });

  const clean = scrubber(agent.memory.scrub);
  const extracted = await propose(deps, agent, turn, {
    clean,
    message: { text: turn.message, occurredAt: turn.occurredAt.toISOString() },
    ...{ facts: facts.slice(-mostNeighbours), allFacts: facts, procedures, heard, signal },
    source: { thread: turn.thread, branch: turn.branch, turn: turn.turn, quote: shorten(turn.message, 200) },
  });
  deps.reached('extraction.model_answered', input.turn);
  const kept = extracted.proposals.filter(({ kind }) => agent.memory.kinds.includes(kind));
  const unwanted = extracted.proposals
    .filter(({ kind }) => !agent.memory.kinds.includes(kind))
    .map(({ kind, text }): MemoryOutcome => {
      return { outcome: 'rejected', id: null, text, reason: `the agent keeps no ${kind}` };
    });

  const { order = unordered } = deps;
  // Another extraction of the scope makes this one's decision stale.
  await order(`${tenant} ${streams.memory(turnScope(turn))}`, async () => {
    signal.throwIfAborted();
    for (let decision = 1; ; decision++) {
      const write = await decideWrite(deps, tenant, {
        scope: turnScope(turn),
        trust: 'direct_user',
        proposals: kept,
        key: commandId,
        said: { agent: agent.name, at: turn.occurredAt.toISOString() },
      });
      await attachVectors(deps, tenant, {
        texts: searchableTexts(write.events),
        origin: { subjects: subjectsOf(turnScope(turn)), readAt: turn.position },
        signal,
      });
      const stream = streams.extraction(turn.turn);
      const done: NewEvent<MemoryEvent> = {
        type: 'ExtractionCompleted',
        stream,
        subjects: subjectsOf(turnScope(turn)),
        data: {
          thread: turn.thread,
          branch: turn.branch,
          turn: turn.turn,
          model: extracted.model,
          extractor: extracted.extractor,
          ...(extracted.problems.length > 0 ? { problems: extracted.problems } : {}),
          outcomes: [
            ...write.outcomes,
            ...[...unwanted, ...extracted.refused].map((one) => ({ ...one, text: clean(one.text) })),
          ],
          usage: extracted.usage,
        },
      };
      try {
        await deps.store.append(input.tenant, {
          id: commandId,
          streams: [
            { name: stream, expectedVersion: 'any' },
            ...(write.events.length > 0 ? [{ name: write.stream, expectedVersion: write.expectedVersion }] : []),
          ],
          events: [...write.events, done],
          readAt: turn.position,
          meta: { actor: 'extraction' },
        });
        deps.reached('extraction.committed', input.turn);
        return;
      } catch (error) {
        if (!(error instanceof ExpectedVersionConflictError) || decision === maxDecisions) throw error;
      }
    }
  });
}

/** Records that extraction was given up; the words stay in the log and can be extracted later. */
export async function recordExtractionFailure(
  deps: ActivityDeps,
  input: TurnRef & { readonly code: string; readonly message: string },
): Promise<void> {
  const stream = streams.extraction(input.turn);
  await deps.store.append(input.tenant, {
    // Another reason is another failure: it may be the one after which nobody waits any more.
    id: `${commands.extraction(input.turn)}/failed/${input.code}`,
    streams: [{ name: stream, expectedVersion: 'any' }],
    events: [
      {
        type: 'ExtractionFailed',
        stream,
        data: {
          thread: input.thread,
          branch: input.branch,
          turn: input.turn,
          code: input.code,
          message: input.message,
        },
      },
    ],
  });
}
