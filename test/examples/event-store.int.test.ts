import { expect, test } from 'vitest';
import { lend } from '../../examples/event-store.ts';
import { freshDatabase } from '../eventstore/fresh-database.ts';

test('the event store on its own: the code of its guide runs', async () => {
  await using database = await freshDatabase();
  expect(await lend(database.url)).toEqual([
    'stored at 1; sent again: replayed true, at 1',
    `Stream "book/dune" is at version 1; the command expected 'none'.`,
    'lent now: 0; lent at 1: ana',
    '1 BookLent',
    '2 BookReturned',
  ]);
});
