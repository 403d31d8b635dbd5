import { nameOf, sha256 } from '../projections/digest.ts';
import { cleanText, ExpectedVersionConflictError } from '../eventstore/index.ts';
import type { NewEvent } from '../eventstore/index.ts';
import type { Embedder } from '../llm/ports.ts';
import { chunk, chunkContent, sectionOf } from '../memory/documents/chunk.ts';
import { planDocument } from '../memory/documents/plan.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import type { Scope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { readStandingDocument } from '../projections/documents/queries.ts';
import type { StandingDocument } from '../projections/documents/queries.ts';
import { readViews } from '../projections/read-views.ts';
import { textHash } from '../projections/search/projection.ts';
import { DocumentBusyError, DocumentDiffersError, InvalidDocumentError } from './client-errors.ts';
import { embedTexts } from './embed-texts.ts';
import type { ClientContext } from './send-turn.ts';

/** A file or a page to be remembered. */
export interface NewDocument {
  /** What it is known by, for example a path or a URL: the same source in the same scope is the same document. */
  readonly source: string;
  /** Its words, at most 5,000,000 characters. */
  readonly text: string;
  /** @default none */
  readonly title?: string;
  /** When it was written. @default now */
  readonly occurredAt?: Date;
  /** `text/markdown` has headings, every other type has none. @default taken for Markdown, and not recorded */
  readonly mimeType?: string;
}

/** How {@link HoldfastClient.memory.addDocument} goes about it. */
export interface AddDocumentOptions {
  /** Names this call: repeated with the same key after others came, it does nothing. @default what stands decides alone */
  readonly idempotencyKey?: string;
  /** Called after each part that was written. */
  readonly onProgress?: (progress: { readonly chunks: number; readonly of: number }) => void;
}

/** What became of a document. */
export interface DocumentReceipt {
  readonly document: string;
  /** `known`: it stood like this already, or the call had been made before, and nothing was written. */
  readonly outcome: 'stored' | 'known';
  /** Chunks that came with this version, that stayed, and that ended. */
  readonly added: number;
  readonly kept: number;
  readonly ended: number;
}

/** What became of a document that is to go. */
export interface RemovedDocument {
  readonly document: string;
  /** Chunks that ended; 0 when there was no such document. */
  readonly ended: number;
}

type Context = ClientContext & { readonly embedder: Embedder | undefined };
type Planned = NewEvent<MemoryEvent> & MemoryEvent;

const mostPerCommand = 250;
const longestText = 5_000_000;
const longestName = 2_000;
/** How often a version is decided anew because another writer came between. */
const mostTries = 20;

/**
 * Remembers a document in chunks. Of one that is there, chunks with the same content stay, others come and go; as of earlier it is as it was.
 * Written in parts of a few hundred chunks, each wholly or not at all; a call that died is repeated and goes on.
 * Throws InvalidDocumentError, DocumentDiffersError when the key was used for another text, DocumentBusyError, SubjectForgottenError.
 */
export async function addDocument(
  context: Context,
  { given, scope, options }: { given: NewDocument; scope: Scope; options: AddDocumentOptions },
): Promise<DocumentReceipt> {
  assertDocument(given, scope);
  const text = cleanText(given.text);
  const document = documentId(scope, given.source);
  const contentHash = sha256(text);
  const keyed =
    options.idempotencyKey === undefined ? null : commands.documentKey(document, nameOf([options.idempotencyKey]));
  const found = chunk(text, { headings: given.mimeType === undefined || given.mimeType === 'text/markdown' });
  const wanted = found.map((one, ordinal) => {
    const section = sectionOf(one);
    const content = chunkContent({ text: one.text, section });
    return {
      ordinal,
      start: one.start,
      end: one.end,
      section,
      text: one.text,
      content,
      contentHash: textHash(content),
    };
  });
  const [title, mimeType] = [given.title ?? null, given.mimeType ?? null];
  const occurredAt = (given.occurredAt ?? new Date()).toISOString();
  const tenant = await context.store.tenantNumber(context.tenant);
  let [added, ended] = [0, 0];
  return whileOthersWrite(given.source, async () => {
    const before = keyed === null ? null : await findVersion(context, { document, command: keyed });
    if (before) {
      if (before.contentHash !== '' && before.contentHash !== contentHash) throw new DocumentDiffersError(given.source);
      return { document, outcome: 'known', added: 0, kept: wanted.length, ended: 0 };
    }
    const { version, standing } = await readStanding(context, { tenant, document });
    const plan = planDocument(standing.chunks, wanted);
    const { head } = standing;
    const isSame = head?.contentHash === contentHash && head.title === title && head.mimeType === mimeType;
    const isDone = plan.added.length + plan.moved.length + plan.ended.length === 0;
    if (isSame && isDone) {
      // Parts that this call wrote before another one came between count as its own.
      const outcome = added + ended === 0 ? 'known' : 'stored';
      return { document, outcome, added, kept: wanted.length - added, ended };
    }
    const hashes = new Map(wanted.map((one) => [one.ordinal, one.contentHash]));
    const about = { document, scope };
    const stream = streams.document(document);
    const event = (one: MemoryEvent): Planned => ({ ...one, stream, subjects: subjectsOf(scope) });
    const events = [
      ...plan.added.map(({ ordinal, start, end, section, text: own }) =>
        event({
          type: 'DocumentChunkStored',
          data: {
            ...about,
            ...{ chunk: `${document}/${version + 1}/${String(ordinal).padStart(6, '0')}`, source: given.source },
            ...{ ordinal, start, end, section, text: own, occurredAt },
          },
        }),
      ),
      ...(plan.moved.length === 0
        ? []
        : [
            event({
              type: 'DocumentChunksMoved',
              data: {
                ...about,
                source: given.source,
                chunks: plan.moved.map((one) => ({ ...one, contentHash: hashes.get(one.ordinal) ?? '' })),
              },
            }),
          ]),
      ...(plan.ended.length === 0
        ? []
        : [event({ type: 'DocumentChunksEnded', data: { ...about, chunks: plan.ended } })]),
      event({
        type: 'DocumentStored',
        data: {
          ...about,
          ...{
            source: given.source,
            title,
            mimeType,
            contentHash,
            length: text.length,
            chunks: wanted.length,
            occurredAt,
          },
        },
      }),
    ];
    // The last part makes the version complete: what moves and ends with it does so at once.
    const closing = events.slice(plan.added.length);
    const parts: Planned[][] = [];
    for (let from = 0; from < plan.added.length; from += mostPerCommand)
      parts.push(events.slice(from, Math.min(plan.added.length, from + mostPerCommand)));
    const last = parts.pop() ?? [];
    parts.push([...last, ...closing]);
    let expectedVersion = version;
    for (const [number, part] of parts.entries()) {
      const isLast = number === parts.length - 1;
      const contents = part.flatMap(({ type, data }) => (type === 'DocumentChunkStored' ? [chunkContent(data)] : []));
      await embedTexts(context, { tenant, texts: contents, subjects: subjectsOf(scope) });
      await write(context, {
        id: isLast && keyed !== null ? keyed : commands.document(document, expectedVersion),
        stream,
        expectedVersion,
        events: part,
      });
      expectedVersion += part.length;
      added += contents.length;
      options.onProgress?.({ chunks: Math.min(wanted.length, plan.kept + added), of: wanted.length });
    }
    ended += plan.ended.length;
    return { document, outcome: 'stored', added, kept: wanted.length - added, ended };
  });
}

/**
 * Ends a document with all of its chunks; as of earlier it is still there. One that is not there is no error: the same again does nothing.
 * Throws InvalidDocumentError, DocumentBusyError.
 */
export async function removeDocument(
  context: ClientContext,
  { source, scope }: { readonly source: string; readonly scope: Scope },
): Promise<RemovedDocument> {
  assertPlace(source, scope);
  const document = documentId(scope, source);
  const stream = streams.document(document);
  const tenant = await context.store.tenantNumber(context.tenant);
  return whileOthersWrite(source, async () => {
    const { version, standing } = await readStanding(context, { tenant, document });
    const chunks = standing.chunks.map((one) => one.chunk);
    if (standing.head === null && chunks.length === 0) return { document, ended: 0 };
    await write(context, {
      id: commands.document(document, version),
      stream,
      expectedVersion: version,
      events: [{ type: 'DocumentRemoved', stream, subjects: subjectsOf(scope), data: { document, scope, chunks } }],
    });
    return { document, ended: chunks.length };
  });
}

/** The stream's version is read first: whoever writes after that is noticed. */
async function readStanding(
  { store, pool, tenant: name }: ClientContext,
  { tenant, document }: { readonly tenant: number; readonly document: string },
): Promise<{ readonly version: number; readonly standing: StandingDocument }> {
  const [newest] = await Array.fromAsync(
    store.readStream(name, streams.document(document), { backwards: true, limit: 1 }),
  );
  const standing = await readViews(pool, tenant, (reader) => readStandingDocument(reader, document));
  return { version: newest?.version ?? 0, standing };
}

/** The version that a command made complete, if it was written. */
async function findVersion(
  { store, tenant }: ClientContext,
  { document, command }: { readonly document: string; readonly command: string },
): Promise<{ readonly contentHash: string } | null> {
  const known = await store.readCommand(tenant, command);
  if (!known) return null;
  for await (const event of store.readStream(tenant, streams.document(document), { backwards: true })) {
    if (event.position < known.firstPosition) break;
    if (event.position <= known.lastPosition && event.type === 'DocumentStored')
      return { contentHash: event.data.contentHash };
  }
  return { contentHash: '' };
}

class OtherWriter extends Error {}

async function write(
  { store, tenant }: ClientContext,
  {
    id,
    stream,
    expectedVersion,
    events,
  }: {
    readonly id: string;
    readonly stream: string;
    readonly expectedVersion: number;
    readonly events: readonly Planned[];
  },
): Promise<void> {
  try {
    const streamsOf = [{ name: stream, expectedVersion: expectedVersion === 0 ? ('none' as const) : expectedVersion }];
    const { bodyDiffers } = await store.append(tenant, { id, streams: streamsOf, events, meta: { actor: 'document' } });
    if (bodyDiffers) throw new OtherWriter();
  } catch (error) {
    if (error instanceof ExpectedVersionConflictError) throw new OtherWriter();
    throw error;
  }
}

/** Decides anew from what stands then, when another writer came between. */
async function whileOthersWrite<T>(source: string, decide: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < mostTries; tries++) {
    try {
      return await decide();
    } catch (error) {
      if (!(error instanceof OtherWriter)) throw error;
    }
  }
  throw new DocumentBusyError(source);
}

function assertDocument({ source, text, title, mimeType, occurredAt }: NewDocument, scope: Scope): void {
  assertPlace(source, scope);
  if ((title?.length ?? 0) > longestName || (mimeType?.length ?? 0) > longestName)
    throw new InvalidDocumentError(`The title or the type is longer than ${longestName} characters.`);
  if (typeof text !== 'string' || text.trim() === '') throw new InvalidDocumentError('The document has no text.');
  if (text.length > longestText)
    throw new InvalidDocumentError(`The document has ${text.length} characters; expected at most ${longestText}.`);
  if (occurredAt !== undefined && Number.isNaN(occurredAt.getTime()))
    throw new InvalidDocumentError('The document has a time that is none.');
}

function assertPlace(source: string, scope: Scope): void {
  if (source.trim() === '' || source.length > longestName)
    throw new InvalidDocumentError(`The source has ${source.length} characters; expected 1 to ${longestName}.`);
  const other = Object.keys(scope).find((part) => !['user', 'agent', 'thread'].includes(part));
  if (other !== undefined)
    throw new InvalidDocumentError(`A document lives with a user, an agent or a thread; "${other}" is none of them.`);
}

/** Names are public for ever; a source may say more than a name should. */
function documentId({ user, agent, thread }: Scope, source: string): string {
  return `d-${nameOf([user ?? null, agent ?? null, thread ?? null, cleanText(source)])}`;
}
