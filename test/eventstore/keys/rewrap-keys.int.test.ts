import { describe, expect, test } from 'vitest';
import { createMasterKey, localKeyWrapper, rewrapKeys, UnknownTenantError } from '../../../eventstore/index.ts';
import type { KeyWrapper } from '../../../eventstore/index.ts';
import { forgetRig } from './forget-rig.ts';
import { schema } from './forget-schema.ts';
import { masterKey, said, saidStore } from './personal-shapes.ts';
import { collect, upTo } from '../shapes.ts';

describe('a new master key', () => {
  test('takes over from the old one, which is needed no more', async () => {
    await using rig = await forgetRig();
    const { url: adminUrl } = rig.database;
    for (const n of upTo(3)) await rig.store.append('default', said(`${n}`, `text ${n}`, [`user:${n}`]));
    await rig.forget('user:3');
    const young = createMasterKey();
    const both = localKeyWrapper([young, masterKey]);
    const kekIds = async (): Promise<unknown> =>
      (await rig.database.admin.query('select subject, kek_id from subject_key order by subject, no')).rows;

    // With both, old texts are read and new ones are written under the new key.
    const store = saidStore(rig.database, both, schema);
    await store.append('default', said('4', 'text 4', ['user:4']));
    expect(await kekIds()).toEqual([
      { subject: 'user:1', kek_id: schema.keyWrapper.id },
      { subject: 'user:2', kek_id: schema.keyWrapper.id },
      { subject: 'user:3', kek_id: null },
      { subject: 'user:4', kek_id: both.id },
    ]);
    expect(await rewrapKeys({ adminUrl, tenant: 'default', keyWrapper: both })).toBe(2);
    expect(await rewrapKeys({ adminUrl, tenant: 'default', keyWrapper: both })).toBe(0);

    const texts = async (wrapper: KeyWrapper): Promise<unknown[]> => {
      const own = saidStore(rig.database, wrapper, schema);
      return (await collect(own.readLog('default'))).flatMap(({ type, data }) =>
        (type as string) === 'Said' ? [data.text] : [],
      );
    };
    expect(await texts(localKeyWrapper(young))).toEqual(['text 1', 'text 2', '[forgotten]', 'text 4']);
    await expect(texts(localKeyWrapper(masterKey))).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE', kekId: both.id });
  });

  test('that does not read what it wrote is noticed before anything is lost', async () => {
    await using rig = await forgetRig();
    const { url: adminUrl } = rig.database;
    await rig.store.append('default', said('1', 'text', ['user:1']));
    const broken: KeyWrapper = {
      id: 'kms:broken',
      wrap: () => Promise.resolve(Buffer.from('nothing')),
      unwrap: (wrapped) =>
        wrapped.toString() === 'nothing' ? Promise.resolve(Buffer.alloc(32)) : schema.keyWrapper.unwrap(wrapped),
    };
    await expect(rewrapKeys({ adminUrl, tenant: 'default', keyWrapper: broken })).rejects.toThrow(/does not give back/);
    const missing = rewrapKeys({ adminUrl, tenant: 'default', keyWrapper: localKeyWrapper(createMasterKey()) });
    await expect(missing).rejects.toMatchObject({ kekId: schema.keyWrapper.id });
    await expect(rewrapKeys({ adminUrl, tenant: 'none', keyWrapper: broken })).rejects.toBeInstanceOf(
      UnknownTenantError,
    );
    expect((await collect(rig.store.readStream('default', 'said/1')))[0]?.data.text).toBe('text');
  });
});
