import type { NewEvent, StreamExpectation } from '../eventstore/index.ts';
import { changeBlock } from '../memory/block-edit.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { streams } from '../memory/keys.ts';
import type { Scope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { scopeKey } from '../projections/scope-columns.ts';
import { readBlocks } from '../projections/working/queries.ts';
import type { StepContext } from './load-context.ts';
import type { MemoryCall } from './memory-tools.ts';
import { streamVersion } from '../projections/stream-version.ts';
import type { InlineResult } from './sort-calls.ts';

/** Edits of blocks that are decided but not stored, with what the model is told about each. */
export interface DecidedEdits {
  readonly streams: readonly StreamExpectation[];
  readonly events: readonly NewEvent<MemoryEvent>[];
  readonly results: readonly InlineResult[];
}

/**
 * Decides edits of blocks against what stands now. Compare and set: a block that is another than the one in the model's prompt is not
 * written, and the model is told what stands there. What is refused changes nothing, and says why.
 */
export async function decideEdits(
  reader: ViewReader,
  {
    calls,
    context,
    actor,
    reason,
  }: {
    readonly calls: readonly MemoryCall[];
    readonly context: StepContext;
    readonly actor: string;
    readonly reason: string;
  },
): Promise<DecidedEdits> {
  const expectations = new Map<string, StreamExpectation>();
  const events: NewEvent<MemoryEvent>[] = [];
  const results: InlineResult[] = [];
  /** Values as the edits before leave them. */
  const values = new Map<string, string>();
  const standing = await readBlocks(reader, context.scope);

  for (const { request, ...call } of calls) {
    if (request.tool !== 'block_append' && request.tool !== 'block_replace') continue;
    const { label, change } = request;
    const say = (outcome: 'ok' | 'failed', code: string | null, told: object): void =>
      void results.push({ ...call, outcome, code, result: JSON.stringify(told) });
    const seen = context.blocks.find((block) => block.label === label);
    if (!seen) {
      const labels = context.blocks.map((block) => block.label).join(', ') || 'none';
      say('failed', 'BLOCK_NOT_FOUND', {
        outcome: 'rejected',
        reason: `there is no block "${label}"; there are: ${labels}`,
      });
      continue;
    }
    if (seen.scope.user === undefined && seen.scope.thread === undefined) {
      // One person's words must not come up in another's conversation.
      const why = `block "${label}" is shared beyond this user: people edit it, turns do not`;
      say('failed', 'BLOCK_READ_ONLY', { outcome: 'rejected', reason: why });
      continue;
    }
    const now = standing.find((block) => block.label === label);
    if ((now?.position ?? null) !== seen.position || (now && scopeKey(now.scope) !== scopeKey(seen.scope))) {
      const why = `block "${label}" was edited by somebody else; this is what stands there now`;
      say('failed', 'BLOCK_CONFLICT', { outcome: 'conflict', reason: why, value: now?.value ?? '' });
      continue;
    }
    const changed = changeBlock({ ...seen, value: values.get(label) ?? seen.value }, change);
    if ('refused' in changed) {
      say('failed', changed.refused, { outcome: 'rejected', reason: changed.reason });
      continue;
    }
    values.set(label, changed.value);
    // What a fork writes stays in the fork.
    const { fork: _inherited, ...scope } = seen.scope;
    const own: Scope = context.scope.fork === undefined ? scope : { ...scope, fork: context.scope.fork };
    const stream = streams.block(own, label);
    if (!expectations.has(stream))
      expectations.set(stream, { name: stream, expectedVersion: await streamVersion(reader, stream) });
    events.push({
      type: 'BlockEdited',
      stream,
      subjects: subjectsOf(own),
      data: {
        ...{ scope: own, label, description: seen.description, value: changed.value, limit: seen.limit },
        ...{ actor, reason },
      },
    });
    say('ok', null, { outcome: 'stored', characters: changed.value.length, limit: seen.limit });
  }
  return { streams: [...expectations.values()], events, results };
}
