import {
  close,
  createEventStore,
  createTenant,
  defineView,
  ExpectedVersionConflictError,
  logMigrations,
  migrate,
  open,
  openPool,
  readView,
  required,
} from '../eventstore/index.ts';
import type { LogSchema } from '../eventstore/index.ts';

// #region schema
type LibraryEvent =
  | { readonly type: 'BookLent'; readonly data: { readonly book: string; readonly reader: string } }
  | { readonly type: 'BookReturned'; readonly data: { readonly book: string } };

/** Who has which book: one row per loan, with the range of positions in which it held. */
const loanView = defineView({
  name: 'loan',
  key: ['book'],
  columns: { book: required('text'), reader: required('text') },
});

const librarySchema: LogSchema<LibraryEvent> = {
  migrationFolders: [logMigrations],
  projections: [
    {
      name: 'loans',
      version: 1,
      views: [loanView],
      project: ({ type, data }) => (type === 'BookLent' ? open(loanView, data) : close(loanView, data)),
    },
  ],
};
// #endregion

/** Lends a book twice, and shows what the log makes of it. */
export async function lend(adminUrl: string): Promise<string[]> {
  const told: string[] = [];
  const say = (line: string): number => told.push(line);

  // #region use
  await migrate({ schema: librarySchema, adminUrl });
  await createTenant(adminUrl, 'town-library');
  const pool = openPool({ url: adminUrl });
  const store = createEventStore({ pool, schema: librarySchema });

  const lendTo = (reader: string) =>
    store.append('town-library', {
      id: `lend/dune/${reader}`, // what it is, never a random id: sent again, it is the same command
      streams: [{ name: 'book/dune', expectedVersion: 'none' }],
      events: [{ type: 'BookLent', stream: 'book/dune', data: { book: 'dune', reader } }],
    });

  const receipt = await lendTo('ana');
  const again = await lendTo('ana');
  say(`stored at ${receipt.firstPosition}; sent again: replayed ${again.replayed}, at ${again.firstPosition}`);

  await lendTo('rui').catch((error: unknown) => {
    if (!(error instanceof ExpectedVersionConflictError)) throw error;
    say(error.message); // Stream "book/dune" is at version 1; the command expected 'none'.
  });

  await store.append('town-library', {
    id: 'return/dune/1',
    streams: [{ name: 'book/dune', expectedVersion: 1 }],
    events: [{ type: 'BookReturned', stream: 'book/dune', data: { book: 'dune' } }],
  });
  const tenant = await store.tenantNumber('town-library');
  const now = await readView(pool, tenant, loanView);
  const before = await readView(pool, tenant, loanView, { at: receipt.lastPosition });
  say(`lent now: ${now.length}; lent at ${receipt.lastPosition}: ${before.map(({ reader }) => reader).join()}`);

  for await (const event of store.readLog('town-library')) say(`${event.position} ${event.type}`);
  await pool.end();
  // #endregion
  return told;
}
