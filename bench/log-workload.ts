import type { Command, LogSchema, Projection } from '../eventstore/index.ts';
import { defineView, logMigrations, open, required } from '../eventstore/index.ts';

/** The event of the log benchmarks: 1 KB of JSON. */
export interface Said {
  readonly type: 'Said';
  readonly data: { readonly id: string; readonly thread: string; readonly text: string };
}

/** One row per event: what a search view keeps of it. */
export const saidView = defineView({
  name: 'said',
  key: ['id'],
  columns: { id: required('text'), thread: required('text'), content: required('text') },
  indexes: ['(tenant, thread)'],
});

const projection: Projection<Said> = {
  name: 'said',
  version: 1,
  views: [saidView],
  project: ({ data: { id, thread, text } }) => open(saidView, { id, thread, content: text.slice(0, excerpt) }),
};

/** Characters of an event's text that its view row holds. */
export const excerpt = 200;
/** Events per command. */
export const eventsPerCommand = 5;

/** A log with one view row per event. */
export const withViews: LogSchema<Said> = { migrationFolders: [logMigrations], projections: [projection] };
/** A log without views. */
export const logOnly: LogSchema<Said> = { migrationFolders: [logMigrations], projections: [] };

/** A command of five events of 1 KB for one stream. */
export function saidCommand(stream: string, id: string): Command<Said> {
  return {
    id,
    streams: [{ name: stream, expectedVersion: 'any' }],
    events: Array.from({ length: eventsPerCommand }, (_, n) => saidEvent(stream, `${id}/${n}`)),
  };
}

/** An event whose data is 1,024 bytes of JSON. */
export function saidEvent(stream: string, id: string): Said & { readonly stream: string } {
  const data = { id, thread: stream, text: '' };
  const missing = 1024 - JSON.stringify(data).length;
  return { type: 'Said', stream, data: { ...data, text: prose.slice(0, missing) } };
}

const prose = 'I moved to Lisbon in March; please "remember" that I prefer SMS to calls.\n'.repeat(16);
