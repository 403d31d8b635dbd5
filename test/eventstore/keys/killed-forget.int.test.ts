import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DerivedData } from '../../../eventstore/index.ts';
import { until } from '../../support/until.ts';
import type { ForgetTask } from '../fixtures/forget-process.ts';
import type { ForgetRig } from './forget-rig.ts';
import { forgetRig, problemsOf } from './forget-rig.ts';
import { schema } from './forget-schema.ts';
import { said } from './personal-shapes.ts';
import { startProxy } from '../../../chaos/swallowing-proxy.ts';
import { collect, upTo } from '../shapes.ts';

const events = 20;

async function filledRig(): Promise<ForgetRig> {
  const rig = await forgetRig();
  for (const n of upTo(events))
    await rig.store.append('default', said(`${n}`, `anaq7z ${n}`, ['user:ana'], { data: { n } }));
  return rig;
}

/** True when everything is as before, false when all of it is forgotten; anything between fails. */
async function isUntouched(rig: ForgetRig): Promise<boolean> {
  const log = await collect(rig.store.readLog('default'));
  const texts = log.filter(({ forgotten = false, data }) => !forgotten && 'text' in data).length;
  const tables = await rig.tablesWith('anaq7z');
  const { live, fresh } = await rig.views();
  expect(live).toEqual(fresh);
  expect(await problemsOf(rig)).toEqual([]);
  const untouched = texts === events;
  expect({ texts, tables, events: log.length }).toEqual(
    untouched
      ? { texts: events, tables: ['last_saying', 'saying'], events }
      : { texts: 0, tables: [], events: events + 1 },
  );
  return untouched;
}

/** Derived data whose clearing is the moment at which something happens inside the transaction; once. */
function inTransaction(happens: () => Promise<unknown>): DerivedData[] {
  let done = false;
  return [
    {
      name: 'moment',
      clear: async () => {
        if (!done) {
          done = true;
          await happens();
        }
        return 0;
      },
    },
  ];
}

describe('a forget whose process is killed', () => {
  test.each(['scan', 'transaction'] as const)('in the %s has done nothing, and is done by the next one', async (at) => {
    await using rig = await filledRig();
    const task: ForgetTask = { url: rig.database.url, subject: 'user:ana', at };
    const script = join(import.meta.dirname, '..', 'fixtures', 'forget-process.ts');
    const child = spawn(process.execPath, [script, JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'inherit'] });
    const signal = await new Promise((resolve) => child.once('close', (_code, ended) => resolve(ended)));
    expect(signal).toBe('SIGKILL');
    await until('the server has let go of its sessions', async () => {
      const { rowCount } = await rig.database.admin.query(
        `select from pg_stat_activity where application_name = 'holdfast forget' and datname = current_database()`,
      );
      return rowCount === 0 ? true : undefined;
    });
    expect(await isUntouched(rig)).toBe(true);
    expect(await rig.forget('user:ana')).toMatchObject({ events, keys: [1], repeated: false });
    expect(await isUntouched(rig)).toBe(false);
  });
});

describe('a forget whose connection breaks', () => {
  test('inside the transaction is tried again, and done once', async () => {
    await using rig = await filledRig();
    const derived = inTransaction(async () => {
      await rig.database.admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast forget' and datname = current_database()`,
      );
    });
    const receipt = await rig.forget('user:ana', { schema: { ...schema, derived } });
    expect(receipt).toMatchObject({ events, keys: [1], position: events + 1, repeated: false });
    expect(await isUntouched(rig)).toBe(false);
  });

  test('after the commit and before the answer ends in the one receipt', async () => {
    await using rig = await filledRig();
    const proxy = await startProxy(rig.database.url);
    try {
      let isSent = false;
      const derived = inTransaction(() => {
        void proxy.swallowAnswersTo('commit').then(() => (isSent = true));
        return Promise.resolve();
      });
      const asked = rig.forget('user:ana', { adminUrl: proxy.url, schema: { ...schema, derived } });
      await until('the commit was sent', () => (isSent ? true : undefined));
      await until('it was committed', async () => ((await rig.store.head('default')) > events ? true : undefined));
      proxy.cut();
      const receipt = await asked;
      expect(receipt).toMatchObject({ events, keys: [1], position: events + 1, repeated: true });
      expect(await isUntouched(rig)).toBe(false);
      expect(await rig.forget('user:ana')).toEqual(receipt);
    } finally {
      await proxy.close();
    }
  });

  test('before the commit arrives is done again', async () => {
    await using rig = await filledRig();
    const proxy = await startProxy(rig.database.url);
    try {
      const derived = inTransaction(() => {
        void proxy.cutRequestAt('commit');
        return Promise.resolve();
      });
      const receipt = await rig.forget('user:ana', { adminUrl: proxy.url, schema: { ...schema, derived } });
      expect(receipt).toMatchObject({ events, keys: [1], position: events + 1, repeated: false });
      expect(await isUntouched(rig)).toBe(false);
    } finally {
      await proxy.close();
    }
  });
});
