import { close, open, replace } from '../../eventstore/index.ts';
import type { Projection } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { scopeColumns, scopeKey } from '../scope-columns.ts';
import { blockView, compactionView, messageView, steeredView } from './views.ts';

/** Recent messages and blocks: what stands in a prompt without being searched for. */
export const workingProjection: Projection<MemoryEvent> = {
  name: 'working',
  version: 3,
  views: [messageView, steeredView, blockView, compactionView],
  project({ type, data, forgotten = false }) {
    switch (type) {
      case 'TurnRequested':
        return open(messageView, {
          ...place(data, 0, 0),
          role: 'user',
          content: data.message,
          tool_calls: [],
          call: null,
          heard: null,
        });
      case 'MessageSteered':
        return open(steeredView, {
          ...{ turn: data.turn, steer: data.key, thread: data.thread, branch: data.branch, user_id: data.user },
          content: data.message,
          occurred_at: new Date(data.occurredAt),
        });
      case 'StepCompleted':
        return open(messageView, {
          ...place(data, data.step, 0),
          role: 'assistant',
          content: data.text,
          tool_calls: data.toolCalls,
          call: null,
          heard: data.heard ?? null,
        });
      case 'ToolCompleted':
        return open(messageView, {
          ...place(data, data.step, data.ordinal + 1),
          role: 'tool',
          content: data.result,
          tool_calls: [],
          call: data.call,
          heard: null,
        });
      case 'ContextCompacted':
        // Of a forgotten user's: the messages stand for themselves again, as far as they still say something.
        if (forgotten) return [];
        return open(compactionView, {
          ...{ compaction: data.compaction, thread: data.thread, branch: data.branch, turn: data.turn },
          ...{ up_to: data.replaces.upTo, previous: data.previous, summary: data.summary, made_by: data.by },
          turns: data.replaces.turns.length,
          // Nobody knows what one from before it was recorded rests on: it is taken for the worst.
          heard: data.heard === undefined ? 'tool_external' : data.heard,
          ...{ tokens_before: data.tokens.before, tokens_after: data.tokens.after },
        });
      case 'BlockEdited':
        // A forgotten block is none: a prompt must not carry an empty one.
        if (forgotten) {
          return close(blockView, {
            scope_key: scopeKey(data.scope),
            label: data.label,
            fork: data.scope.fork ?? '',
          });
        }
        return replace(blockView, {
          scope_key: scopeKey(data.scope),
          label: data.label,
          ...scopeColumns(data.scope),
          description: data.description,
          value: data.value,
          char_limit: data.limit,
          read_only: data.readOnly ?? false,
          actor: data.actor,
          reason: data.reason,
        });
      default:
        return [];
    }
  },
};

function place(
  { turn, thread, branch }: { turn: string; thread: string; branch: string },
  step: number,
  ordinal: number,
) {
  return { turn, thread, branch, step, ordinal };
}
