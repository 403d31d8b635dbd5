import { sql } from 'kysely';
import type { StandingChunk } from '../../memory/documents/plan.ts';
import type { Scope } from '../../memory/scope.ts';
import type { ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';
import { lineageOf } from '../branches/lineage.ts';
import { scopeOfRow } from '../scope-columns.ts';
import { visibleTo } from '../visible-to.ts';

/** A document as it is remembered. */
export interface DocumentRow {
  readonly document: string;
  readonly scope: Scope;
  /** The caller's name for it: a path, a URL. */
  readonly source: string;
  readonly title: string | null;
  readonly mimeType: string | null;
  /** Length of its text in UTF-16 code units. */
  readonly length: number;
  readonly chunks: number;
  /** When it was written, as its source says. */
  readonly occurredAt: Date;
  /** Position at which this version was complete. */
  readonly position: number;
}

/** The documents that a scope sees, by source. */
export async function listDocuments(
  reader: ViewReader,
  { scope, limit = 1_000 }: { readonly scope: Scope; readonly limit?: number },
): Promise<DocumentRow[]> {
  const { db, tenant } = reader;
  const position = await positionOfMain(reader, scope);
  const rows = await db
    .selectFrom('stored_document')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(heldAt(position, 'stored_document'))
    .where(visibleTo(scope, 'stored_document'))
    .orderBy('source')
    .orderBy('document')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    document: row.document,
    scope: scopeOfRow(row),
    source: row.source,
    title: row.title,
    mimeType: row.mime_type,
    length: row.length,
    chunks: row.chunks,
    occurredAt: row.occurred_at,
    position: row.from_pos,
  }));
}

/** What stands of a document: its head, null before its first version is complete, and its chunks in order. */
export interface StandingDocument {
  readonly head: {
    readonly contentHash: string;
    readonly title: string | null;
    readonly mimeType: string | null;
  } | null;
  readonly chunks: readonly StandingChunk[];
}

/** Reads what stands of a document. */
export async function readStandingDocument(
  { db, tenant, position }: ViewReader,
  document: string,
): Promise<StandingDocument> {
  const head = await db
    .selectFrom('stored_document')
    .select(['content_hash', 'title', 'mime_type'])
    .where('tenant', '=', tenant)
    .where('document', '=', document)
    .where(heldAt(position, 'stored_document'))
    .executeTakeFirst();
  const rows = await db
    .selectFrom('document_chunk')
    .select(['chunk', 'content_hash', 'ordinal', 'start_at', 'end_at', 'section'])
    .where('tenant', '=', tenant)
    .where('document', '=', document)
    .where(heldAt(position, 'document_chunk'))
    .orderBy('ordinal')
    .orderBy('chunk')
    .execute();
  return {
    head: head ? { contentHash: head.content_hash, title: head.title, mimeType: head.mime_type } : null,
    chunks: rows.map((row) => ({
      chunk: row.chunk,
      contentHash: row.content_hash,
      ordinal: row.ordinal,
      start: row.start_at,
      end: row.end_at,
      section: row.section,
    })),
  };
}

/** Where in which document a recalled chunk stands. */
export interface Citation {
  readonly source: string;
  /** Null without one, and before the first version of its document is complete. */
  readonly title: string | null;
  /** The headings it stands under in one text, `A › B`; empty without. */
  readonly section: string;
  /** Offsets in the document's text in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
}

/** Citations of chunks as a scope's line of history has them, by chunk; the caller has checked that the scope sees them. */
export async function readCitations(
  reader: ViewReader,
  { scope, chunks }: { readonly scope: Scope; readonly chunks: readonly string[] },
): Promise<Map<string, Citation>> {
  if (chunks.length === 0) return new Map();
  const { db, tenant } = reader;
  const position = await positionOfMain(reader, scope);
  const rows = await db
    .selectFrom('document_chunk as c')
    .leftJoin('stored_document as d', (join) =>
      join.on('d.tenant', '=', tenant).onRef('d.document', '=', 'c.document').on(heldAt(position, 'd')),
    )
    .select(['c.chunk', 'c.source', 'd.title', 'c.section', 'c.start_at', 'c.end_at'])
    .where('c.tenant', '=', tenant)
    .where(heldAt(position, 'c'))
    .where(sql<boolean>`c.chunk = any (${chunks})`)
    .execute();
  return new Map(
    rows.map(({ chunk, source, title, section, start_at, end_at }) => [
      chunk,
      { source, title, section, start: start_at, end: end_at },
    ]),
  );
}

/** Documents are written outside of forks: a fork sees those of the main branch as they were where it left. */
async function positionOfMain(reader: ViewReader, scope: Scope): Promise<number> {
  return (await lineageOf(reader, scope.fork))?.at(-1)?.position ?? reader.position;
}
