import { createHash } from 'node:crypto';
import { cleanText, close, open, replace } from '../../eventstore/index.ts';
import type { Projection, StoredEvent } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { scopeColumns } from '../scope-columns.ts';
import { documentView } from './views.ts';

/** Documents for retrieval, in step with the facts, how-tos and rounds they stand for. A forgotten one is not there to be found. */
export const searchProjection: Projection<MemoryEvent> = {
  name: 'search',
  version: 1,
  views: [documentView],
  project({ type, data, forgotten = false }) {
    switch (type) {
      case 'FactAsserted':
        // Born historical: it had ended before it was learnt, so it is not recalled as if it held.
        if (data.validTo !== null || forgotten) return [];
        return open(documentView, {
          id: data.fact,
          kind: data.kind,
          ...scopeColumns(data.scope),
          ...searchText(data.text),
          trust: data.trust,
          said_at: new Date(data.validFrom),
          thread: data.source.thread,
          turn: data.source.turn,
        });
      case 'FactSuperseded':
      case 'FactRetracted':
        return close(documentView, { id: data.fact, fork: data.fork ?? '' });
      case 'ProcedureLearned':
        // The version before it has ended all the same.
        if (forgotten) return close(documentView, { id: data.procedure, fork: data.scope.fork ?? '' });
        return replace(documentView, {
          id: data.procedure,
          kind: 'procedure',
          ...scopeColumns(data.scope),
          ...searchText(data.text),
          trust: data.trust,
          said_at: new Date(data.validFrom),
          thread: data.source.thread,
          turn: data.source.turn,
        });
      case 'RoundRecorded':
        if (forgotten) return [];
        return open(documentView, {
          id: data.round,
          kind: 'round',
          ...scopeColumns(data.scope),
          ...searchText(roundText(data)),
          trust: 'direct_user',
          said_at: new Date(data.occurredAt),
          thread: data.thread,
          turn: data.turn,
        });
      default:
        return [];
    }
  },
};

/** Types of the events that give documents. */
export const documentEvents = ['FactAsserted', 'ProcedureLearned', 'RoundRecorded'] as const;

/** The text that an event gives to search and its digest; null when it gives none, or is about somebody who was forgotten. */
export function documentOf(
  event: StoredEvent<MemoryEvent>,
): { readonly text: string; readonly textHash: string } | null {
  if (event.forgotten) return null;
  for (const { view, op, row } of searchProjection.project(event)) {
    if (view !== documentView.name || op !== 'open') continue;
    return { text: String(row['content']), textHash: String(row['text_hash']) };
  }
  return null;
}

/** A round as one text: what search and embedding see. */
export function roundText({
  message,
  reply,
}: {
  message: { speaker: string; text: string };
  reply: { speaker: string; text: string };
}): string {
  return `${message.speaker}: ${message.text}\n${reply.speaker}: ${reply.text}`;
}

/** Key under which the vector of a text is stored: digest of the text as views hold it. */
export function textHash(text: string): string {
  return createHash('sha256').update(cleanText(text)).digest('hex');
}

function searchText(content: string): { content: string; text_hash: string } {
  return { content, text_hash: textHash(content) };
}
