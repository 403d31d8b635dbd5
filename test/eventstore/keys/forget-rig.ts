import { createTenant, forgetSubject, migrate, verifyLog } from '../../../eventstore/index.ts';
import type { EventStore, ForgetOptions, ForgetReceipt, LogProblem } from '../../../eventstore/index.ts';
import { tablesWith } from '../../support/find-text.ts';
import { liveAndFresh } from '../../support/fold-afresh.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { freshDatabase } from '../fresh-database.ts';
import { asOwner } from '../segments/care-rig.ts';
import type { Said } from './personal-shapes.ts';
import { schema } from './forget-schema.ts';
import { saidStore } from './personal-shapes.ts';

/** A database with views of sayings, and what to do with it. */
export interface ForgetRig extends AsyncDisposable {
  readonly database: FreshDatabase;
  readonly store: EventStore<Said>;
  forget(subject: string, more?: Partial<ForgetOptions<Said>>): Promise<ForgetReceipt>;
  /** Tables that hold a text in the clear. */
  tablesWith(text: string): Promise<string[]>;
  /** Views as they are and as the log gives them. */
  views(): Promise<{ readonly live: string[]; readonly fresh: string[] }>;
}

/** Makes one, with tenant `default`. */
export async function forgetRig(): Promise<ForgetRig> {
  const database = await freshDatabase();
  await migrate({ schema, adminUrl: database.url });
  await createTenant(database.url, 'default');
  const store = saidStore(database, schema.keyWrapper, schema);
  return {
    database,
    store,
    forget: (subject, more = {}) =>
      forgetSubject({
        adminUrl: database.url,
        schema,
        tenant: 'default',
        subject,
        actor: 'operator',
        reason: 'asked',
        ...more,
      }),
    tablesWith: (text) => tablesWith(database.admin, text),
    views: () => liveAndFresh(database.admin, store, schema, 'default'),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** Verifies the whole log with its views; gives what is wrong. */
export async function problemsOf({ database }: Pick<ForgetRig, 'database'>): Promise<readonly LogProblem[]> {
  const report = await asOwner(database, (pool) => verifyLog({ pool, schema, tenant: 'default' }));
  return report.problems;
}
