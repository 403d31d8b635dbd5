import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  createMasterKey,
  createTenant,
  forgetSubject,
  InvalidCommandError,
  localKeyWrapper,
  LogArchivedError,
  ProjectionLawError,
  SchemaDriftError,
  SubjectForgottenError,
  UnknownSubjectError,
  UnknownTenantError,
} from '../../../eventstore/index.ts';
import type { ForgetReceipt } from '../../../eventstore/index.ts';
import type { EventRow } from '../../../eventstore/read/decode-events.ts';
import { selectEvents } from '../../../eventstore/read/decode-events.ts';
import { forgetRig, problemsOf } from './forget-rig.ts';
import { schema } from './forget-schema.ts';
import { said, saidProjection, saidStore } from './personal-shapes.ts';
import { collect, upTo } from '../shapes.ts';

const secret = 'anaq7z lives in Lisbon';

describe('forgetSubject', () => {
  test('destroys every text about the subject, and gives a receipt of it', async () => {
    await using rig = await forgetRig();
    const { store } = rig;
    for (const n of upTo(3)) await store.append('default', said(`ana/${n}`, secret, ['user:ana'], { data: { n } }));
    await store.append('default', said('both', secret, ['user:bo', 'user:ana'], { data: { n: 9 } }));
    await store.append('default', said('bo', 'boq7z lives in Oslo', ['user:bo'], { data: { n: 3 } }));
    await store.append('default', said('nobody', 'a public word', [], { data: { n: 4 } }));
    expect(await rig.tablesWith('anaq7z')).toEqual(['last_saying', 'saying']);

    const receipt = await rig.forget('user:ana');

    expect(await rig.tablesWith('anaq7z')).toEqual([]);
    expect(await rig.tablesWith('boq7z')).toEqual(['last_saying', 'saying']);
    expect(receipt).toEqual({
      subject: 'user:ana',
      actor: 'operator',
      reason: 'asked',
      keys: [1],
      events: 4,
      streams: 4,
      // The last saying of number 3 is Bo's, the one of Ana before it ended there; both of hers, and those of 1, 2 and 9, vanish.
      rows: { saying: 4, last_saying: 4 },
      derived: {},
      snapshots: 0,
      position: 7,
      recordedAt: expect.any(Date) as Date,
      chain: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      repeated: false,
    });
    const { live, fresh } = await rig.views();
    expect(live).toEqual(fresh);
    expect(live.filter((row) => row.startsWith('last_saying'))).toHaveLength(2);
    expect(await problemsOf(rig)).toEqual([]);

    const log = await collect(store.readLog('default'));
    expect(log.map(({ forgotten = false }) => forgotten)).toEqual([true, true, true, true, false, false, false]);
    expect(log[0]?.data).toEqual({ n: 1, text: '[forgotten]' });
    expect(log.at(-1)).toMatchObject({
      type: 'SubjectForgotten',
      stream: '$forgotten/user:ana',
      subjects: [],
      recordedAt: receipt.recordedAt,
      data: { subject: 'user:ana', keys: [1], events: 4, actor: 'operator', reason: 'asked' },
    });
  });

  test('a dry run counts the same and changes nothing', async () => {
    await using rig = await forgetRig();
    for (const n of upTo(5))
      await rig.store.append('default', said(`ana/${n}`, secret, ['user:ana'], { data: { n: n % 2 } }));
    const dump = async (): Promise<unknown> => ({
      log: await collect(rig.store.readLog('default')),
      views: await rig.views(),
      keys: (await rig.database.admin.query('select * from subject_key')).rows,
      head: (await rig.database.admin.query('select * from log_head')).rows,
    });
    const before = await dump();
    const planned = await rig.forget('user:ana', { dryRun: true });
    expect(await dump()).toEqual(before);
    const receipt = await rig.forget('user:ana');
    expect(planned).toEqual({ ...receipt, position: null, recordedAt: null, chain: null });
    expect(planned.events).toBe(5);
  });

  test('a second time with nothing new is the first time; what was said since is forgotten with a key of its own', async () => {
    await using rig = await forgetRig();
    await rig.store.append('default', said('1', secret, ['user:ana']));
    const first = await rig.forget('user:ana');
    expect(await rig.forget('user:ana', { actor: 'another', reason: 'again' })).toEqual({ ...first, repeated: true });
    expect(await rig.forget('user:ana', { dryRun: true })).toEqual({ ...first, repeated: true });
    expect(await rig.store.head('default')).toBe(2);

    await rig.store.append('default', said('2', secret, ['user:ana']));
    const second = await rig.forget('user:ana');
    expect(second).toMatchObject({ keys: [2], events: 1, position: 4, repeated: false });
    expect(await rig.forget('user:ana')).toEqual({ ...second, repeated: true });
    expect(await rig.tablesWith('anaq7z')).toEqual([]);
  });

  test('an event about two is gone with either of them', async () => {
    await using rig = await forgetRig();
    await rig.store.append('default', said('both', secret, ['user:ana', 'user:bo']));
    expect(await rig.forget('user:bo')).toMatchObject({ events: 1 });
    expect(await rig.forget('user:ana')).toMatchObject({ events: 0, keys: [1], rows: {} });
    expect((await rig.views()).live).toEqual((await rig.views()).fresh);
  });

  test('late work about a subject without any key is refused, too', async () => {
    await using rig = await forgetRig();
    // A process to which nothing of it is personal.
    const store = saidStore(rig.database, schema.keyWrapper, { ...schema, personal: {} });
    const { lastPosition } = await store.append('default', said('public', 'x', ['user:cy']));
    expect(await rig.forget('user:cy')).toMatchObject({ keys: [], events: 0, position: lastPosition + 1 });
    const late = said('late', secret, ['user:cy'], { readAt: lastPosition });
    await expect(rig.store.append('default', late)).rejects.toBeInstanceOf(SubjectForgottenError);
  });

  test('what it cannot do is said, and changes nothing', async () => {
    await using rig = await forgetRig();
    await rig.store.append('default', said('1', secret, ['user:ana']));
    await expect(rig.forget('user:anna')).rejects.toBeInstanceOf(UnknownSubjectError);
    await expect(rig.forget('')).rejects.toBeInstanceOf(InvalidCommandError);
    await expect(rig.forget('a\0')).rejects.toBeInstanceOf(InvalidCommandError);
    await expect(rig.forget('user:ana', { tenant: 'nobody' })).rejects.toBeInstanceOf(UnknownTenantError);
    const { keyWrapper: _, ...keyless } = schema;
    await expect(rig.forget('user:ana', { schema: keyless })).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE' });
    const wrong = { ...schema, keyWrapper: localKeyWrapper(createMasterKey()) };
    await expect(rig.forget('user:ana', { schema: wrong })).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE' });
    const drifted = { ...schema, projections: [{ ...saidProjection, version: 2 }] };
    await expect(rig.forget('user:ana', { schema: drifted })).rejects.toBeInstanceOf(SchemaDriftError);
    const lawless = {
      ...schema,
      projections: [
        {
          ...saidProjection,
          project: (event: Parameters<typeof saidProjection.project>[0]) =>
            event.forgotten ? [] : saidProjection.project(event),
        },
      ],
    };
    const refused = rig.forget('user:ana', { schema: lawless });
    await expect(refused).rejects.toBeInstanceOf(ProjectionLawError);
    await expect(refused).rejects.toThrow(/"said" cannot forget an event Said.*"close" in view "last_saying"/);

    expect(await rig.store.head('default')).toBe(1);
    expect((await collect(rig.store.readLog('default')))[0]?.data.text).toBe(secret);
    expect(await rig.tablesWith('anaq7z')).toEqual(['last_saying', 'saying']);
  });

  test('a tenant that has used up its quota can forget all the same, and has its quota back', async () => {
    await using rig = await forgetRig();
    await rig.store.append('default', said('1', secret, ['user:ana']));
    await rig.database.admin.query('update tenant set max_events = 1, max_bytes = 10');
    expect(await rig.forget('user:ana')).toMatchObject({ events: 1, position: 2 });
    const { rows } = await rig.database.admin.query('select max_events::int, max_bytes::int from tenant');
    expect(rows).toEqual([{ max_events: 1, max_bytes: 10 }]);
    await expect(rig.store.append('default', said('2', 'x', []))).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  test('an archived log needs the way to its archive', async () => {
    await using rig = await forgetRig();
    for (const n of upTo(6)) await rig.store.append('default', said(`${n}`, secret, ['user:ana'], { data: { n } }));
    const { rows: archived } = await rig.database.admin.query<EventRow>(
      `${selectEvents} and e.position <= 4 order by e.position`,
      [1],
    );
    await rig.database.admin.query('delete from event where position <= 4; update log_head set base = 4');
    await expect(rig.forget('user:ana')).rejects.toBeInstanceOf(LogArchivedError);
    const asked: unknown[] = [];
    const receipt = await rig.forget('user:ana', {
      archived: async function* (tenant, range) {
        asked.push({ tenant, ...range });
        await Promise.resolve();
        yield* archived;
      },
    });
    expect(asked).toEqual([{ tenant: 'default', after: 0, upTo: 4 }]);
    expect(receipt).toMatchObject({ events: 6, rows: { saying: 6, last_saying: 6 } });
    expect(await rig.tablesWith('anaq7z')).toEqual([]);
  });

  test('of one tenant leaves the same subject of another', async () => {
    await using rig = await forgetRig();
    await createTenant(rig.database.url, 'other');
    for (const tenant of ['default', 'other']) await rig.store.append(tenant, said('1', secret, ['user:ana']));
    await rig.forget('user:ana');
    expect((await collect(rig.store.readStream('other', 'said/1')))[0]?.data.text).toBe(secret);
    expect(await rig.tablesWith('anaq7z')).toEqual(['last_saying', 'saying']);
  });

  test('with a name at the limit', async () => {
    await using rig = await forgetRig();
    const subject = `user:${'ä'.repeat(497)}`;
    await rig.store.append('default', said('1', secret, [subject]));
    const first = await rig.forget(subject);
    expect(first).toMatchObject({ subject, events: 1 });
    expect(await rig.forget(subject)).toEqual({ ...first, repeated: true });
  });
});

describe('while others write', () => {
  test('nothing is lost, nothing of before is left, and views equal the log', async () => {
    await using rig = await forgetRig();
    const { store } = rig;
    const going = { on: true };
    const writers = upTo(4).map(async (writer) => {
      for (let n = 0; going.on; n++) {
        const subjects = [['user:ana'], ['user:bo'], ['user:ana', 'user:bo'], []][n % 4] ?? [];
        await store.append(
          'default',
          said(`${writer}/${n}`, `${writer}/${n} anaq7z`, subjects, { data: { n: n % 7 } }),
        );
      }
    });
    const receipts: ForgetReceipt[] = [];
    for (const n of upTo(5)) {
      await delay(100);
      receipts.push(await rig.forget(n % 2 === 0 ? 'user:bo' : 'user:ana'));
    }
    going.on = false;
    await Promise.all(writers);
    expect(receipts.every(({ events }) => events > 0)).toBe(true);
    const { live, fresh } = await rig.views();
    expect(live).toEqual(fresh);
    expect(await problemsOf(rig)).toEqual([]);
    // Whatever was said of Ana before she was last forgotten is gone; nothing that was said since, or of nobody, is.
    const until = (subject: string): number =>
      Math.max(...receipts.filter((receipt) => receipt.subject === subject).map(({ position }) => position ?? 0));
    for (const { position, subjects, forgotten = false, type } of await collect(store.readLog('default'))) {
      if ((type as string) !== 'Said') continue;
      expect(forgotten).toBe(subjects.some((subject) => position < until(subject)));
    }
  });

  test('forgets of one log follow one another', async () => {
    await using rig = await forgetRig();
    for (const n of upTo(4)) await rig.store.append('default', said(`${n}`, secret, [`user:${n}`], { data: { n } }));
    const receipts = await Promise.all([1, 2, 3, 4, 1, 2].map((n) => rig.forget(`user:${n}`)));
    expect(receipts.filter(({ repeated }) => !repeated)).toHaveLength(4);
    expect(await rig.store.head('default')).toBe(8);
    expect((await rig.views()).live).toEqual((await rig.views()).fresh);
  });
});

describe('caches of the log', () => {
  test('snapshots of folds go', async () => {
    await using rig = await forgetRig();
    const heard = {
      name: 'heard',
      version: 1,
      initial: (): string[] => [],
      evolve: (state: string[], { data }: { data: { text: string } }) => [...state, data.text],
    };
    for (const n of upTo(3)) {
      const event = { type: 'Said', stream: 's', subjects: ['user:ana'], data: { n, text: `${secret} ${n}` } } as const;
      await rig.store.append('default', {
        id: `${n}`,
        streams: [{ name: 's', expectedVersion: 'any' }],
        events: [event],
      });
    }
    await rig.store.foldStream('default', 's', heard, { snapshotEvery: 1 });
    expect(await rig.tablesWith('anaq7z')).toContain('snapshot');
    expect(await rig.forget('user:ana')).toMatchObject({ snapshots: 1 });
    expect(await rig.tablesWith('anaq7z')).toEqual([]);
    expect((await rig.store.foldStream('default', 's', heard)).state).toEqual(upTo(3).map(() => '[forgotten]'));
  });

  test('errors of consumers that parked an event of theirs go', async () => {
    await using rig = await forgetRig();
    for (const user of ['ana', 'bo']) await rig.store.append('default', said(user, secret, [`user:${user}`]));
    await rig.database.admin.query(
      `insert into parked_event (tenant, consumer, position, attempts, error)
       select 1, 'mailer', position, 3, 'cannot send: anaq7z ' || position from event`,
    );
    await rig.forget('user:ana');
    const { rows } = await rig.database.admin.query('select error from parked_event order by position');
    expect(rows).toEqual([{ error: '[forgotten]' }, { error: 'cannot send: anaq7z 2' }]);
  });

  test('what a killed rebuild left behind goes, and the next rebuild begins that log again', async () => {
    await using rig = await forgetRig();
    await rig.store.append('default', said('1', secret, ['user:ana']));
    await rig.database.admin.query(
      `set role holdfast_owner; create table saying__next (like saying); reset role;
       insert into saying__next select * from saying; insert into view_rebuild (tenant, position) values (1, 1)`,
    );
    await rig.forget('user:ana');
    expect(await rig.tablesWith('anaq7z')).toEqual([]);
    expect((await rig.database.admin.query('select from view_rebuild')).rowCount).toBe(0);
  });
});

describe('derived data', () => {
  test('is cleared in the same transaction, after the views', async () => {
    await using rig = await forgetRig();
    await rig.store.append('default', said('1', secret, ['user:ana']));
    const seen: unknown[] = [];
    const derived = [
      {
        name: 'sayings',
        clear: async (
          client: Parameters<NonNullable<(typeof schema)['derived']>[number]['clear']>[0],
          about: object,
        ) => {
          const { rows } = await client.query<{ content: string }>('select content from holdfast.saying');
          seen.push({ about, rows });
          return 3;
        },
      },
    ];
    const receipt = await forgetSubject({
      adminUrl: rig.database.url,
      schema: { ...schema, derived },
      tenant: 'default',
      subject: 'user:ana',
      actor: 'operator',
      reason: 'asked',
    });
    expect(receipt.derived).toEqual({ sayings: 3 });
    expect(seen).toEqual([{ about: { tenant: 1, subject: 'user:ana' }, rows: [{ content: '[forgotten]' }] }]);
  });
});
