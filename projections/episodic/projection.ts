import { open } from '../../eventstore/index.ts';
import type { Projection } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { scopeColumns } from '../scope-columns.ts';
import { roundView } from './views.ts';

/** What was said, round by round. */
export const episodicProjection: Projection<MemoryEvent> = {
  name: 'episodic',
  version: 2,
  views: [roundView],
  project({ type, data }) {
    if (type !== 'RoundRecorded') return [];
    const { round, thread, branch, turn, agent, scope, message, reply, heard, occurredAt } = data;
    return open(roundView, {
      round,
      thread,
      branch,
      turn,
      agent,
      ...scopeColumns(scope),
      speaker: message.speaker,
      message: message.text,
      reply_speaker: reply?.speaker ?? null,
      reply: reply?.text ?? null,
      heard: heard ?? null,
      occurred_at: new Date(occurredAt),
    });
  },
};
