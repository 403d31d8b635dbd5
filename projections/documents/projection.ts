import { close, open, replace } from '../../eventstore/index.ts';
import type { Projection } from '../../eventstore/index.ts';
import { chunkContent } from '../../memory/documents/chunk.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { scopeColumns } from '../scope-columns.ts';
import { textHash } from '../search/projection.ts';
import { documentChunkView, storedDocumentView } from './views.ts';

/** Documents and where their chunks stand. Of a forgotten one nothing is left to cite. */
export const documentsProjection: Projection<MemoryEvent> = {
  name: 'documents',
  version: 1,
  views: [storedDocumentView, documentChunkView],
  project({ type, data, forgotten = false }) {
    switch (type) {
      case 'DocumentStored': {
        if (forgotten) return close(storedDocumentView, { document: data.document });
        const { fork: _fork, ...scope } = scopeColumns(data.scope);
        return replace(storedDocumentView, {
          document: data.document,
          ...scope,
          source: data.source,
          title: data.title,
          mime_type: data.mimeType,
          content_hash: data.contentHash,
          length: data.length,
          chunks: data.chunks,
          occurred_at: new Date(data.occurredAt),
        });
      }
      case 'DocumentChunkStored':
        if (forgotten) return [];
        return open(documentChunkView, {
          chunk: data.chunk,
          document: data.document,
          source: data.source,
          content_hash: textHash(chunkContent(data)),
          ordinal: data.ordinal,
          start_at: data.start,
          end_at: data.end,
          section: data.section,
        });
      case 'DocumentChunksMoved':
        return data.chunks.flatMap((chunk) =>
          forgotten
            ? close(documentChunkView, { chunk: chunk.chunk })
            : replace(documentChunkView, {
                chunk: chunk.chunk,
                document: data.document,
                source: data.source,
                content_hash: chunk.contentHash,
                ordinal: chunk.ordinal,
                start_at: chunk.start,
                end_at: chunk.end,
                section: chunk.section,
              }),
        );
      case 'DocumentChunksEnded':
        return data.chunks.flatMap((chunk) => close(documentChunkView, { chunk }));
      case 'DocumentRemoved':
        return [
          ...close(storedDocumentView, { document: data.document }),
          ...data.chunks.flatMap((chunk) => close(documentChunkView, { chunk })),
        ];
      default:
        return [];
    }
  },
};
