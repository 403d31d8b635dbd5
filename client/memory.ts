import type { ForgetReceipt, KeyWrapper, Moment } from '../eventstore/index.ts';
import type { Embedder } from '../llm/ports.ts';
import type { Scope } from '../memory/scope.ts';
import { readViews } from '../projections/read-views.ts';
import { retrieve } from '../projections/search/retrieve.ts';
import type { Retrieved } from '../projections/search/retrieve.ts';
import { readRecallStats } from '../projections/search/queries.ts';
import type { RecallStats } from '../projections/search/queries.ts';
import { whyNot } from '../projections/search/why-not.ts';
import type { WhyNot } from '../projections/search/why-not.ts';
import type { RecallIndex } from '../projections/search/shelves.ts';
import { listDocuments } from '../projections/documents/queries.ts';
import type { DocumentRow } from '../projections/documents/queries.ts';
import { listFacts } from '../projections/semantic/queries.ts';
import type { FactRow } from '../projections/semantic/queries.ts';
import { readBlocks } from '../projections/working/queries.ts';
import type { BlockRow } from '../projections/working/queries.ts';
import { blockHistory } from './block-history.ts';
import type { BlockRef, BlockVersion } from './block-history.ts';
import { diffMemory } from './diff-memory.ts';
import type { MemoryDiff, MemoryDiffRequest } from './diff-memory.ts';
import { addDocument, removeDocument } from './documents.ts';
import type { AddDocumentOptions, DocumentReceipt, NewDocument, RemovedDocument } from './documents.ts';
import { editBlock } from './edit-block.ts';
import type { BlockEdit } from './edit-block.ts';
import { createMemoryEntities } from './entities.ts';
import type { MemoryEntities } from './entities.ts';
import { forgetUser } from './forget-user.ts';
import type { ForgetUser } from './forget-user.ts';
import { createMemoryCare } from './memory-care.ts';
import type { MemoryCare } from './memory-care.ts';
import { importMessages } from './import-messages.ts';
import type { ImportedMessage, ImportOptions, ImportProgress } from './import-messages.ts';
import { createMemoryRecord } from './memory-record.ts';
import type { MemoryRecord } from './memory-record.ts';
import { createPendingMemories } from './pending.ts';
import type { PendingMemories } from './pending.ts';
import { rememberMessages } from './remember.ts';
import type { RememberedMessage, RememberOptions, SaidMessage } from './remember.ts';
import { searchInput } from './search-memory.ts';
import type { MemorySearch } from './search-memory.ts';
import type { ClientContext } from './send-turn.ts';

/** What is remembered, as a client reads and writes it. Reads take `at`: a position, or a time, which stands for the last position recorded at or before it. */
export interface MemoryClient extends MemoryRecord, MemoryCare, MemoryEntities, PendingMemories {
  /** The same as `search`: what would be recalled for a question, and why. */
  recall(request: MemorySearch): Promise<Retrieved>;
  /** Searches as a turn would. Throws InvalidReadError for an option that does not exist or makes no sense. */
  search(request: MemorySearch): Promise<Retrieved>;
  /** Why a memory is not among what such a search returns. */
  whyNot(request: MemorySearch & { readonly memory: string }): Promise<WhyNot>;
  /** How often memory was searched for a step, and how often nothing of it came into the prompt. */
  stats(request?: { readonly at?: Moment }): Promise<RecallStats>;
  /** Remembers what was said, before or elsewhere, as it was said and when. */
  remember(messages: readonly SaidMessage[], scope: Scope, options: RememberOptions): Promise<RememberedMessage[]>;
  /** Remembers a stream of past messages of any length, in order. */
  import(
    source: Iterable<ImportedMessage> | AsyncIterable<ImportedMessage>,
    options: ImportOptions,
  ): Promise<ImportProgress>;
  /** Remembers a file or a page in chunks; a new version of one keeps the chunks that stayed the same. */
  addDocument(document: NewDocument, scope: Scope, options?: AddDocumentOptions): Promise<DocumentReceipt>;
  /** Ends a document with its chunks; as of earlier it is still there. */
  removeDocument(document: { readonly source: string; readonly scope: Scope }): Promise<RemovedDocument>;
  /** The documents that a scope sees, by source. @param request.limit most documents @default 1000 */
  documents(request: { readonly scope: Scope; readonly at?: Moment; readonly limit?: number }): Promise<DocumentRow[]>;
  /** Facts, oldest first; with `past` those that ended, too. */
  list(request: { readonly scope: Scope; readonly past?: boolean; readonly at?: Moment }): Promise<FactRow[]>;
  /** The same as `remember`, `list`, `correct` and `retract`, by the names that users of other memories know. */
  readonly add: MemoryClient['remember'];
  readonly getAll: MemoryClient['list'];
  readonly update: MemoryClient['correct'];
  readonly delete: MemoryClient['retract'];
  /** How memory differs between two moments: gained, lost, changed. */
  diff(request: MemoryDiffRequest): Promise<MemoryDiff>;
  /** The blocks that stand in the prompts of a scope. */
  blocks(request: { readonly scope: Scope; readonly at?: Moment }): Promise<BlockRow[]>;
  /** Sets a block, compare-and-set. */
  editBlock(edit: BlockEdit): Promise<BlockRow>;
  /** Every edit of a block: who, when, why and what. */
  blockHistory(block: BlockRef): Promise<BlockVersion[]>;
  /** Erases a user for good and gives a receipt. */
  forget(request: ForgetUser): Promise<ForgetReceipt>;
}

/** What memory needs besides what the parts of a client share. */
export interface MemoryParts {
  readonly embedder: Embedder | undefined;
  /** Takes out of a text what is not to be stored. */
  readonly clean: (text: string) => string;
  readonly recall: RecallIndex;
  readonly database: { readonly url: string; readonly adminUrl?: string };
  readonly keyWrapper: KeyWrapper | undefined;
}

/** Gives the memory of a client's tenant. */
export function createMemory(
  context: ClientContext,
  { embedder, clean, recall, database, keyWrapper }: MemoryParts,
): MemoryClient {
  const read: <T>(query: Parameters<typeof readViews<T>>[2], at?: Moment) => Promise<T> = async (query, at) =>
    readViews(context.pool, await context.store.tenantNumber(context.tenant), query, { at });

  const remember: MemoryClient['remember'] = (messages, scope, how) =>
    rememberMessages(
      { ...context, embedder },
      { messages: messages.map((one) => ({ ...one, text: clean(one.text) })), scope, options: how },
    );

  const search: MemoryClient['search'] = async (request) => {
    const input = await searchInput(request, embedder);
    return read((reader) => retrieve(reader, input, recall), request.at);
  };
  const list: MemoryClient['list'] = ({ scope, past = false, at }) =>
    read((reader) => listFacts(reader, { reader: scope, past }), at);
  const record = createMemoryRecord(context, clean);

  return {
    ...record,
    ...createMemoryCare(context),
    ...createMemoryEntities(context),
    ...createPendingMemories(context),
    recall: search,
    search,
    list,
    add: remember,
    getAll: list,
    update: (request) => record.correct(request),
    delete: (request) => record.retract(request),
    async whyNot({ memory, ...request }) {
      const input = await searchInput(request, embedder);
      return read((reader) => whyNot(reader, { ...input, memory }, recall), request.at);
    },
    stats: ({ at } = {}) => read((reader) => readRecallStats(reader), at),
    remember,
    import: (source, how) => importMessages(remember, source, how),
    addDocument: (document, scope, options = {}) =>
      addDocument(
        { ...context, embedder },
        {
          given: {
            ...document,
            text: clean(document.text),
            ...(document.title === undefined ? {} : { title: clean(document.title) }),
          },
          scope,
          options,
        },
      ),
    removeDocument: (document) => removeDocument(context, document),
    documents: ({ at, ...request }) => read((reader) => listDocuments(reader, request), at),
    diff: (request) => diffMemory(context, request),
    blocks: ({ scope, at }) => read((reader) => readBlocks(reader, scope), at),
    editBlock: (edit) => editBlock(context, { ...edit, value: clean(edit.value) }),
    blockHistory: (block) => blockHistory(context, block),
    forget: (request) => {
      const { url, adminUrl = url } = database;
      return forgetUser({ adminUrl, tenant: context.tenant, keyWrapper }, request);
    },
  };
}
