import type { Event } from './event-shape.ts';
import type { Place } from './documents/plan.ts';
import type { Scope } from './scope.ts';

/** What happens to documents: their chunks come, move and end; each version is complete with its DocumentStored. */

/** A version of a document is there with all of its chunks. */
export type DocumentStored = Event<
  'DocumentStored',
  {
    document: string;
    scope: Scope;
    /** The caller's name for it: a path, a URL. */
    source: string;
    title: string | null;
    mimeType: string | null;
    /** Digest of the whole text. */
    contentHash: string;
    /** Length of the text in UTF-16 code units. */
    length: number;
    chunks: number;
    /** When it was written, as its source says. */
    occurredAt: string;
  }
>;

/** A chunk that was not there before. */
export type DocumentChunkStored = Event<'DocumentChunkStored', NewChunk>;

/** A chunk with all that is said of it. */
export interface NewChunk extends Place {
  readonly document: string;
  readonly scope: Scope;
  readonly chunk: string;
  readonly source: string;
  /** Exactly what stands in the document from `start` to `end`. */
  readonly text: string;
  readonly occurredAt: string;
}

/** The new place of a chunk, with the digest of its content. */
export interface MovedChunk extends Place {
  readonly chunk: string;
  readonly contentHash: string;
}

/** Chunks that stay as they are, in another place of a new version. */
export type DocumentChunksMoved = Event<
  'DocumentChunksMoved',
  {
    document: string;
    scope: Scope;
    source: string;
    chunks: readonly MovedChunk[];
  }
>;

/** Chunks that a new version no longer has. */
export type DocumentChunksEnded = Event<
  'DocumentChunksEnded',
  { document: string; scope: Scope; chunks: readonly string[] }
>;

/** The document is no more; its chunks ended with it. */
export type DocumentRemoved = Event<'DocumentRemoved', { document: string; scope: Scope; chunks: readonly string[] }>;

/** Every event of documents. */
export type DocumentEvent =
  DocumentStored | DocumentChunkStored | DocumentChunksMoved | DocumentChunksEnded | DocumentRemoved;
