import { z } from 'zod';
import { ExpectedVersionConflictError } from '../eventstore/index.ts';
import type { NewEvent } from '../eventstore/index.ts';
import { ModelError } from '../llm/model-error.ts';
import type { JsonSchema } from '../llm/ports.ts';
import type { MemoryEvent, MemoryOutcome } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import type { KnownFact, MemoryProposal } from '../memory/reconcile.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { shorten } from '../memory/text.ts';
import { readViews } from '../projections/read-views.ts';
import { readKnownFacts } from '../projections/semantic/queries.ts';
import { findTurn } from '../projections/threads/queries.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import { UnknownAgentError, UnknownTurnError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import { assertRemembered, attachVectors, decideWrite, searchableTexts } from './memory-write.ts';
import { assertUsable } from './read-reply.ts';
import type { ActivityScope } from './run-activity.ts';
import type { TurnRef } from './types.ts';

/** Facts shown to the extractor as neighbours: more would cost tokens and confuse. */
const mostNeighbours = 40;
const maxDecisions = 10;

const proposalSchema = z.object({
  action: z.enum(['assert', 'confirm', 'supersede', 'retract', 'none']),
  target: z.number().int().nullable().describe('alias of the known item this is about, or null'),
  kind: z.enum(['preference', 'fact', 'task_state', 'feedback', 'procedure']),
  subject: z.string(),
  relation: z.string().describe('snake_case'),
  value: z.string(),
  text: z.string().describe('one self-contained sentence'),
  confidence: z.number(),
  message: z.number().int().describe('id of the message that says it'),
});
const replySchema = z.object({ proposals: z.array(proposalSchema) });
type Proposal = z.infer<typeof proposalSchema>;

const instructions = `You extract memories from a conversation. Propose only what the user's own messages say and what will still matter in a later conversation: facts about the user and their world, preferences, corrections, how-tos (kind "procedure", relation "how_to", value = the goal, text = the whole how-to).
Write each text as one self-contained sentence in the language of the message; resolve relative dates against the message's time.
"known" lists what is remembered, each under an alias. Use action "confirm" when a message repeats a known item, "supersede" when it replaces one (same subject and relation), "retract" when the user takes one back, each with that alias as target; "assert" for new things; nothing for small talk. Never invent an alias.`;

/**
 * Extracts memories from a turn's words and commits what reconciliation makes of them, with one event that lists every
 * outcome. The model only proposes. The agent's prompt, recalled memories and tool results are never shown to it.
 */
export async function extractMemory(deps: ActivityDeps, input: TurnRef, { signal }: ActivityScope): Promise<void> {
  const commandId = commands.extraction(input.turn);
  if (await deps.store.readCommand(input.tenant, commandId)) return;
  const agent = deps.agents.get(input.agent);
  if (!agent) throw new UnknownAgentError(input.agent, [...deps.agents.keys()]);
  if (!agent.memory.extract) return;
  const tenant = await deps.store.tenantNumber(input.tenant);
  const { turn, known } = await readViews(deps.pool, tenant, async (reader) => {
    const found = await findTurn(reader, input.turn);
    if (!found) throw new UnknownTurnError(input.turn);
    await assertRemembered(reader, {
      subjects: subjectsOf(turnScope(found)),
      since: found.position,
      command: commandId,
    });
    return { turn: found, known: (await readKnownFacts(reader, turnScope(found))).slice(-mostNeighbours) };
  });

  const reply = await deps.model.complete({
    model: agent.model ?? deps.defaultModel,
    messages: [
      { role: 'system', content: instructions },
      { role: 'user', content: JSON.stringify(extractionInput(turn, known)) },
    ],
    responseSchema: { name: 'memory_proposals', schema: jsonSchema() },
    signal,
  });
  assertUsable(reply);
  const proposals = parseProposals(reply.text ?? '', reply.model);
  deps.reached('extraction.model_answered', input.turn);

  const { accepted, refused } = toMemoryProposals(turn, known, proposals);
  for (let decision = 1; ; decision++) {
    const write = await decideWrite(deps, tenant, {
      scope: turnScope(turn),
      trust: 'direct_user',
      proposals: accepted,
      key: commandId,
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
        model: reply.model,
        outcomes: [...write.outcomes, ...refused],
        usage: reply.usage,
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
}

/** Records that extraction was given up; the words stay in the log and can be extracted later. */
export async function recordExtractionFailure(
  deps: ActivityDeps,
  input: TurnRef & { readonly code: string; readonly message: string },
): Promise<void> {
  const stream = streams.extraction(input.turn);
  await deps.store.append(input.tenant, {
    id: `${commands.extraction(input.turn)}/failed`,
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

function extractionInput(turn: TurnRow, known: readonly KnownFact[]) {
  const time = turn.occurredAt.toISOString();
  return {
    messages: [
      { id: 1, speaker: 'user', time, text: turn.message },
      { id: 2, speaker: 'agent', time, text: turn.reply ?? '' },
    ],
    known: known.map(({ kind, subject, relation, value, text }, index) => ({
      alias: index + 1,
      kind,
      subject,
      relation,
      value,
      text,
    })),
  };
}

/** A parse failure is an error that is tried again and, in the end, recorded: never an empty success. */
function parseProposals(text: string, model: string): Proposal[] {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\s*```(?:json)?|```\s*$/g, ''));
  } catch {
    throw new ModelError('MODEL_BAD_REPLY', `Model "${model}" answered the extraction with text that is not JSON.`, {
      retryable: true,
    });
  }
  const parsed = replySchema.safeParse(value);
  if (!parsed.success) {
    throw new ModelError('MODEL_BAD_REPLY', `Model "${model}" answered the extraction with JSON of another shape.`, {
      retryable: true,
    });
  }
  return parsed.data.proposals;
}

/** Maps aliases back to ids. An alias that was never given is refused and counted, not guessed. */
function toMemoryProposals(turn: TurnRow, known: readonly KnownFact[], proposals: readonly Proposal[]) {
  const accepted: MemoryProposal[] = [];
  const refused: MemoryOutcome[] = [];
  for (const { target, action, message, ...proposal } of proposals) {
    if (action === 'none') continue;
    const fact = target === null ? undefined : known[target - 1];
    const problem =
      target !== null && !fact
        ? `alias ${target} was not given`
        : message !== 1
          ? `message ${message} is not the user's`
          : null;
    if (problem !== null) {
      refused.push({ outcome: 'rejected', id: null, text: proposal.text, reason: problem });
      continue;
    }
    accepted.push({
      ...proposal,
      action,
      target: fact?.fact ?? null,
      validFrom: turn.occurredAt.toISOString(),
      source: { thread: turn.thread, branch: turn.branch, turn: turn.turn, quote: shorten(turn.message, 200) },
    });
  }
  return { accepted, refused };
}

function jsonSchema(): JsonSchema {
  return z.toJSONSchema(replySchema, { target: 'draft-2020-12' });
}
