import {
  createEventStore,
  defineView,
  localKeyWrapper,
  logMigrations,
  open,
  replace,
  required,
} from '../../../eventstore/index.ts';
import type { Command, EventStore, KeyWrapper, LogSchema, Projection } from '../../../eventstore/index.ts';
import type { TestDatabase } from '../../support/with-database.ts';

/** An event with one public and two personal fields. */
export interface Said {
  readonly type: 'Said';
  readonly data: { readonly n: number; readonly text: string; readonly notes?: { readonly list: readonly string[] } };
}

/** A schema without views whose texts are personal. */
export const saidSchema: LogSchema<Said> = {
  migrationFolders: [logMigrations],
  projections: [],
  personal: { Said: { text: '[forgotten]', 'notes.list': [] } },
};

/** Every saying, and the last one of each number; a forgotten one is not the last one of anything. */
export const saidViews = {
  saying: defineView({
    name: 'saying',
    key: ['stream', 'n'],
    columns: { stream: required('text'), n: required('int'), content: required('text'), size: required('int') },
  }),
  last: defineView({ name: 'last_saying', key: ['n'], columns: { n: required('int'), content: required('text') } }),
};

/** Fills these views. */
export const saidProjection: Projection<Said> = {
  name: 'said',
  version: 1,
  views: [saidViews.saying, saidViews.last],
  project: ({ type, data, stream, forgotten = false }) => {
    // The log's own events come by, too.
    if ((type as string) !== 'Said') return [];
    const [close, begin] = replace(saidViews.last, { n: data.n, content: data.text });
    return [
      ...open(saidViews.saying, { stream, n: data.n, content: data.text, size: data.text.length }),
      ...(close && begin ? (forgotten ? [close] : [close, begin]) : []),
    ];
  },
};

/** The same log with its views, as a process with the master key sees it. */
export const viewedSchema: LogSchema<Said> = { ...saidSchema, projections: [saidProjection] };

/** A master key of these tests. */
export const masterKey = '0123456789abcdef'.repeat(4);

/** A store of a process that holds the master key; another wrapper is another process's. */
export function saidStore(
  database: Pick<TestDatabase, 'pool'>,
  keyWrapper: KeyWrapper = localKeyWrapper(masterKey),
  schema: LogSchema<Said> = saidSchema,
): EventStore<Said> {
  return createEventStore({ pool: database.pool, schema: { ...schema, keyWrapper } });
}

/** A command with one event about the subjects. */
export function said(
  id: string,
  text: string,
  subjects: readonly string[],
  more: Partial<Command<Said>> & { readonly data?: object } = {},
): Command<Said> {
  const { data = {}, ...rest } = more;
  return {
    id,
    streams: [{ name: `said/${id}`, expectedVersion: 'any' }],
    events: [{ type: 'Said', stream: `said/${id}`, subjects, data: { n: 1, text, ...data } }],
    ...rest,
  };
}
