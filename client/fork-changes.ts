import { sha256 } from '../projections/digest.ts';
import { isDeepStrictEqual } from 'node:util';
import { forkOf, turnScope } from '../memory/scope.ts';
import type { NewEvent } from '../eventstore/index.ts';
import type { FactKind, MemoryEvent, RecordedToolCall } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import type { ModelOptionsChange } from '../memory/model-options.ts';
import { reconcile } from '../memory/reconcile.ts';
import { subjectsOf } from '../memory/subject.ts';
import { shorten } from '../memory/text.ts';
import { findTakenStep } from '../projections/branches/queries.ts';
import { listProcedures, readKnownProcedures } from '../projections/procedural/queries.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { listFacts, readKnownFacts } from '../projections/semantic/queries.ts';
import { listSteps } from '../projections/threads/queries.ts';
import { readBlocks } from '../projections/working/queries.ts';
import { InvalidForkError } from './fork-errors.ts';
import type { ForkedAt } from './fork-point.ts';

/** A fact that a fork shall remember. */
export interface ForkFact {
  /** @default 'fact' */
  readonly kind?: FactKind;
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  /** The fact as one self-contained sentence. */
  readonly text: string;
}

/** A block that shall have this value in a fork. */
export interface ForkBlock {
  readonly label: string;
  readonly value: string;
  /** @default as it is */
  readonly description?: string;
}

/** Another result for a call of a step that is taken over. */
export interface ForkToolResult {
  readonly step: number;
  /** Place among the step's calls, from 0; or give `call`. */
  readonly ordinal?: number;
  /** The call's id, or the name of its tool where the step calls it once. */
  readonly call?: string;
  /** Texts stand as they are, everything else as JSON. */
  readonly result: unknown;
}

/** What is different in a fork. */
export interface ForkChange {
  /** Says this instead of the turn's message (before its first step), or asks it as the next turn. */
  readonly message?: string;
  readonly instructions?: string;
  readonly model?: string;
  /** Other options of the model, for every turn of the branch; null takes one away. */
  readonly modelOptions?: ModelOptionsChange;
  readonly memory?: {
    /** `remove`: ids of facts or how-tos. */
    readonly facts?: { readonly set?: readonly ForkFact[]; readonly remove?: readonly string[] };
    /** `remove`: labels. */
    readonly blocks?: { readonly set?: readonly ForkBlock[]; readonly remove?: readonly string[] };
  };
  readonly toolResult?: ForkToolResult | readonly ForkToolResult[];
}

/** A fork in the making. */
export interface ForkPlan {
  readonly thread: string;
  readonly branch: string;
  readonly place: ForkedAt;
  readonly newTurn: string | null;
  readonly change: ForkChange;
}

/** The events that carry the changes, and what goes into the fork's own event. */
export interface ForkChanges {
  readonly events: readonly NewEvent<MemoryEvent>[];
  readonly removed: readonly string[];
  readonly removedBlocks: readonly { readonly scope: ReturnType<typeof turnScope>; readonly label: string }[];
  readonly toolResults: readonly { readonly step: number; readonly ordinal: number }[];
}

/** Turns what is asked for into events of the fork's own. Throws InvalidForkError where something is not there to be changed. */
export async function planChanges(head: ViewReader, plan: ForkPlan): Promise<ForkChanges> {
  const { thread, branch, place, change } = plan;
  const reader = { ...head, position: place.position };
  const { user, agent } = place.last;
  const own = turnScope({ user, thread, branch });
  const parent = turnScope({ user, thread, branch: place.parent });
  const visible = { ...parent, agent, thread };
  const { facts = {}, blocks = {} } = change.memory ?? {};
  const removed = facts.remove ?? [];
  const known = [
    ...(await listFacts(reader, { reader: visible, limit: 100_000 })).map(({ fact }) => fact),
    ...(await listProcedures(reader, visible)).map(({ procedure }) => procedure),
  ];
  for (const id of removed) if (!known.includes(id)) throw notRemembered(`fact or how-to "${id}"`, place);

  const source = {
    thread,
    branch,
    // No turn said it; the fork's own turn would not be reminded of what it said itself.
    turn: commands.fork(thread, branch),
    quote: 'set by the fork',
  };
  const { events: factEvents, outcomes } = reconcile({
    scope: own,
    trust: 'direct_user',
    facts: (await readKnownFacts(reader, parent)).filter(({ fact }) => !removed.includes(fact)),
    procedures: await readKnownProcedures(reader, parent),
    proposals: (facts.set ?? []).map(({ kind = 'fact', ...fact }) => ({
      action: 'assert',
      target: null,
      ...fact,
      kind,
      confidence: 1,
      validFrom: place.last.occurredAt.toISOString(),
      source,
    })),
    hash: sha256,
    newId: (ordinal) => `m-${sha256(`${commands.fork(thread, branch)}/${ordinal}`).slice(0, 16)}`,
  });
  const refused = outcomes.find(({ outcome }) => outcome === 'rejected');
  if (refused)
    throw new InvalidForkError(`The fact "${refused.text}" cannot be set: ${refused.reason}.`, 'Correct it.');

  const shown = await readBlocks(reader, visible);
  const fork = forkOf({ thread, branch }) ?? '';
  const blockEvents = (blocks.set ?? []).map(({ label, value, description }): NewEvent<MemoryEvent> => {
    const block = shown.find((each) => each.label === label);
    const scope = { ...(block?.scope ?? own), fork };
    const limit = block?.limit ?? 2_000;
    if (label === '' || value.length > limit) {
      throw new InvalidForkError(
        `Block "${label}" needs a label and a value of at most ${limit} characters; it has ${value.length}.`,
        'Shorten the value.',
      );
    }
    return {
      type: 'BlockEdited',
      stream: streams.block(scope, label),
      subjects: subjectsOf(scope),
      data: {
        scope,
        label,
        description: description ?? block?.description ?? label,
        value,
        limit,
        actor: 'fork',
        reason: `changed in the fork ${branch}`,
      },
    };
  });
  const removedBlocks = (blocks.remove ?? []).map((label) => {
    const block = shown.find((each) => each.label === label);
    if (!block) throw notRemembered(`block "${label}"`, place);
    return { scope: block.scope, label };
  });
  const results = await Promise.all(toList(change.toolResult).map((each) => toolResult(reader, plan, each)));
  return {
    events: [
      ...factEvents.map((event): NewEvent<MemoryEvent> => ({
        ...event,
        stream: streams.memory(own),
        subjects: subjectsOf(own),
      })),
      ...blockEvents,
      ...results,
    ],
    removed,
    removedBlocks,
    toolResults: results.map(({ data }) => ({ step: data.step, ordinal: data.ordinal })),
  };
}

async function toolResult(
  reader: ViewReader,
  { thread, branch, place: { open, steps }, newTurn }: ForkPlan,
  asked: ForkToolResult,
) {
  const { step, ordinal, call } = asked;
  if (open === null || newTurn === null || step > steps || step < 1) {
    throw new InvalidForkError(
      `The result of a call of step ${step} cannot be changed: the fork takes over ${steps} steps.`,
      'Fork after the step that made the call.',
    );
  }
  const row =
    (await listSteps(reader, { turn: open.turn })).find((each) => each.step === step) ??
    (await findTakenStep(reader, open, step));
  const calls = (row?.tool_calls ?? []) as readonly RecordedToolCall[];
  const named = calls.flatMap(({ id, name }, index) => (id === call || name === call ? [index] : []));
  const place = ordinal ?? (named.length === 1 ? named[0] : undefined);
  const chosen = place === undefined ? undefined : calls[place];
  if (place === undefined || !chosen) {
    const list = calls.map(({ id, name }, index) => `${index} ${name} (${id})`).join(', ') || 'none';
    throw new InvalidForkError(
      `Step ${step} has no call ${ordinal ?? JSON.stringify(call ?? null)} that could be meant alone; it has ${list}.`,
      'Name the call by its place, counted from 0, or its id.',
    );
  }
  return {
    type: 'ToolCompleted' as const,
    stream: streams.turn(newTurn),
    subjects: subjectsOf(turnScope({ user: open.user, thread, branch })),
    data: {
      ...{ thread, branch, turn: newTurn, step, ordinal: place },
      call: chosen.id,
      tool: chosen.name,
      outcome: 'ok' as const,
      code: 'CHANGED_BY_FORK',
      arguments: parsed(chosen.arguments),
      result: resultText(asked),
      effectKey: commands.tool(newTurn, step, place),
      durationMs: 0,
    },
  };
}

/** True when the events of a fork carry these results, blocks and facts; what was forgotten cannot be compared. */
export function carriesChange(
  events: readonly (MemoryEvent & { readonly forgotten?: boolean })[],
  { toolResult, memory: { facts = {}, blocks = {} } = {} }: ForkChange,
): boolean {
  if (events.some(({ forgotten }) => forgotten === true)) return true;
  const results = events.flatMap((event) => (event.type === 'ToolCompleted' ? [event.data.result] : []));
  const values = events.flatMap((event) =>
    event.type === 'BlockEdited' ? [[event.data.label, event.data.value]] : [],
  );
  const texts = events.flatMap((event) => (event.type === 'FactAsserted' ? [event.data.text] : []));
  // A fact that was known already is confirmed, not set again.
  const wanted = (facts.set ?? []).map(({ text }) => text.trim());
  return (
    isDeepStrictEqual(results, toList(toolResult).map(resultText)) &&
    isDeepStrictEqual(
      values,
      (blocks.set ?? []).map(({ label, value }) => [label, value]),
    ) &&
    texts.every((text) => wanted.includes(text)) &&
    (wanted.length === 0) === !events.some(({ type }) => type === 'FactAsserted' || type === 'FactConfirmed')
  );
}

function resultText({ result }: ForkToolResult): string {
  if (typeof result === 'string') return result;
  // Undefined and functions have no JSON, whatever the declared type says.
  const text = JSON.stringify(result) as string | undefined;
  return text ?? '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch {
    return shorten(text, 1_000);
  }
}

function notRemembered(what: string, { position }: ForkedAt): InvalidForkError {
  return new InvalidForkError(
    `There is no ${what} at position ${position} that the turn would see.`,
    'Look at `holdfast state <thread> --at <position>`.',
  );
}

function toList<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  // Array.isArray does not narrow readonly arrays.
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
