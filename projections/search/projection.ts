import { createHash } from 'node:crypto';
import { cleanText, close, open, replace } from '../../eventstore/index.ts';
import type { Operation, Projection, StoredEvent } from '../../eventstore/index.ts';
import { chunkContent } from '../../memory/documents/chunk.ts';
import type { FactAsserted, MemoryEvent, RoundRecorded } from '../../memory/events.ts';
import type { Scope } from '../../memory/scope.ts';
import { lessTrusted } from '../../memory/trust.ts';
import { scopeColumns } from '../scope-columns.ts';
import { documentView } from './views.ts';

/** Documents for retrieval, in step with the facts, how-tos, rounds and documents they stand for. A forgotten one is not there to be found. */
export const searchProjection: Projection<MemoryEvent> = {
  name: 'search',
  version: 2,
  views: [documentView],
  project({ type, data, forgotten = false }) {
    switch (type) {
      case 'FactAsserted':
        // Born historical: it had ended before it was learnt, so it is not recalled as if it held.
        if (data.validTo !== null || forgotten) return [];
        return open(
          documentView,
          drawn(data, { id: data.fact, expiresAt: data.expiresAt, source: data.source, fact: data }),
        );
      case 'FactRestored':
        if (forgotten) return [];
        return open(documentView, drawn(data, { id: data.fact, expiresAt: data.expiresAt, source: data, fact: data }));
      case 'ObservationDerived': {
        const [source] = data.sources;
        if (forgotten || !source) return [];
        return open(documentView, drawn({ ...data, kind: 'observation' }, { id: data.observation, source }));
      }
      case 'FactRetired':
        return close(documentView, { id: data.fact, fork: '' });
      case 'FactSuperseded':
      case 'FactRetracted':
        return close(documentView, { id: data.fact, fork: data.fork ?? '' });
      case 'ProcedureLearned':
        // The version before it has ended all the same.
        if (forgotten) return close(documentView, { id: data.procedure, fork: data.scope.fork ?? '' });
        return replace(
          documentView,
          drawn({ ...data, kind: 'procedure' }, { id: data.procedure, source: data.source }),
        );
      case 'ProcedureRolledBack': {
        const { procedure: id, scope, restored } = data;
        if (forgotten || restored === null) return close(documentView, { id, fork: scope.fork ?? '' });
        return replace(documentView, drawn({ ...restored, scope, kind: 'procedure' }, { id, source: restored.source }));
      }
      case 'RoundRecorded':
        if (forgotten) return [];
        return [
          ...open(documentView, messageDocument(data, { id: data.round, kind: 'round', said: data.message })),
          ...(data.reply === null || data.reply.text === ''
            ? []
            : open(
                documentView,
                messageDocument(data, { id: `${data.round}/reply`, kind: 'reply', said: data.reply }),
              )),
        ];
      case 'DocumentChunkStored':
        if (forgotten) return [];
        return open(documentView, {
          id: data.chunk,
          kind: 'document',
          ...scopeColumns(data.scope),
          ...searchText(chunkContent(data)),
          speaker: null,
          ...saying(null),
          trust: 'tool_internal',
          said_at: new Date(data.occurredAt),
          expires_at: null,
          // Chunks stand beside each other in their document as messages do in a thread.
          thread: data.document,
          turn: data.document,
          data: null,
        });
      case 'DocumentChunksEnded':
      case 'DocumentRemoved':
        return data.chunks.flatMap((id) => close(documentView, { id, fork: '' }));
      default:
        return [];
    }
  },
};

/** The document of a memory that was drawn from what was said. */
function drawn(
  memory: {
    readonly kind: string;
    readonly scope: Scope;
    readonly text: string;
    readonly trust: string;
    readonly validFrom: string;
    readonly data?: unknown;
  },
  {
    id,
    expiresAt = null,
    source,
    fact = null,
  }: {
    readonly id: string;
    readonly expiresAt?: string | null | undefined;
    readonly source: { readonly thread: string; readonly turn: string };
    readonly fact?: Pick<FactAsserted['data'], 'subject' | 'relation' | 'value'> | null;
  },
) {
  return {
    id,
    kind: memory.kind,
    ...scopeColumns(memory.scope),
    ...searchText(memory.text),
    speaker: null,
    ...saying(fact),
    trust: memory.trust,
    said_at: new Date(memory.validFrom),
    expires_at: expiresAt === null ? null : new Date(expiresAt),
    thread: source.thread,
    turn: source.turn,
    data: memory.data ?? null,
  };
}

/** Types of the events that give documents. */
export const documentEvents = [
  'FactAsserted',
  'FactRestored',
  'ObservationDerived',
  'ProcedureLearned',
  'ProcedureRolledBack',
  'RoundRecorded',
  'DocumentChunkStored',
] as const;

/** The texts that an event gives to search and their digests; none when it gives none, or is about somebody who was forgotten. */
export function documentsOf(event: StoredEvent<MemoryEvent>): { readonly text: string; readonly textHash: string }[] {
  return event.forgotten ? [] : documentsIn(searchProjection.project(event));
}

function documentsIn(operations: readonly Operation[]): { readonly text: string; readonly textHash: string }[] {
  return operations.flatMap(({ view, op, row }) =>
    view === documentView.name && op === 'open'
      ? [{ text: String(row['content']), textHash: String(row['text_hash']) }]
      : [],
  );
}

/** The texts of a round as search and embedding see them: each message is found on its own. */
export function roundTexts({ message, reply }: Pick<RoundRecorded['data'], 'message' | 'reply'>): string[] {
  return [message, ...(reply === null || reply.text === '' ? [] : [reply])].map(messageText);
}

/** A message with the name of who said it, which is part of what it is found by; roles are no names. */
export function messageText({ speaker, text }: { readonly speaker: string; readonly text: string }): string {
  return ['user', 'assistant', ''].includes(speaker) ? text : `${speaker}: ${text}`;
}

function messageDocument(
  { scope, occurredAt, expiresAt, thread, turn, heard = 'model_inference' }: RoundRecorded['data'],
  { id, kind, said }: { id: string; kind: string; said: { readonly speaker: string; readonly text: string } },
) {
  return {
    id,
    kind,
    ...scopeColumns(scope),
    ...searchText(messageText(said)),
    speaker: said.speaker,
    ...saying(null),
    // A reply is a model's words, and no better than what it may rest on.
    trust: kind === 'reply' ? lessTrusted('model_inference', heard) : 'direct_user',
    said_at: new Date(occurredAt),
    expires_at: expiresAt === undefined ? null : new Date(expiresAt),
    thread,
    turn,
    data: null,
  };
}

/** The columns of what a fact says. */
function saying(fact: Pick<FactAsserted['data'], 'subject' | 'relation' | 'value'> | null) {
  return { subject: fact?.subject ?? null, relation: fact?.relation ?? null, object: fact?.value ?? null };
}

/** Key under which the vector of a text is stored: digest of the text as views hold it. */
export function textHash(text: string): string {
  return createHash('sha256').update(cleanText(text)).digest('hex');
}

function searchText(content: string): { content: string; text_hash: string } {
  return { content, text_hash: textHash(content) };
}
