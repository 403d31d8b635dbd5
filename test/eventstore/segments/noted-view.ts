import {
  cleanText,
  createTenant,
  defineView,
  logMigrations,
  migrate,
  replace,
  required,
} from '../../../eventstore/index.ts';
import type { LogSchema } from '../../../eventstore/index.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { freshDatabase } from '../fresh-database.ts';
import type { Noted } from '../shapes.ts';

/** The newest note of each stream. */
export const notedView = defineView({
  name: 'newest_note',
  key: ['stream'],
  columns: { stream: required('text'), text: required('text') },
});

/** A log of notes with one view. `onProject` is called with every event that is folded. */
export function notedSchema(onProject?: (position: number) => void): LogSchema<Noted> {
  return {
    migrationFolders: [logMigrations],
    projections: [
      {
        name: 'notes',
        version: 1,
        views: [notedView],
        project: ({ stream, data, position }) => {
          onProject?.(position);
          return replace(notedView, { stream, text: cleanText(String(data.text)) });
        },
      },
    ],
  };
}

/** An empty database for notes with their view, with tenant `default`. */
export async function notedDatabase(): Promise<FreshDatabase> {
  const database = await freshDatabase();
  await migrate({ schema: notedSchema(), adminUrl: database.url });
  await createTenant(database.url, 'default');
  return database;
}
