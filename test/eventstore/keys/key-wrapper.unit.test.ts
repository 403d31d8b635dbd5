import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createMasterKey, KeyUnavailableError, localKeyWrapper } from '../../../eventstore/index.ts';
import type { KeyWrapper } from '../../../eventstore/index.ts';
import { createLru } from '../../../eventstore/keys/lru.ts';
import { unwrapKey } from '../../../eventstore/keys/unwrap-key.ts';

const key = randomBytes(32);

describe('a local master key', () => {
  test('wraps a key so that only it can unwrap it', async () => {
    const wrapper = localKeyWrapper(createMasterKey());
    const wrapped = await wrapper.wrap(key);
    expect(wrapped.includes(key)).toBe(false);
    expect(await wrapper.unwrap(wrapped)).toEqual(key);
    expect(await wrapper.wrap(key)).not.toEqual(wrapped);
    const other = localKeyWrapper(createMasterKey());
    await expect(other.unwrap(wrapped)).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE', kekId: wrapper.id });
    await expect(other.unwrap(wrapped)).rejects.toThrow(new RegExp(`${wrapper.id}.*${other.id}`));
  });

  test('is the same in base64 and hexadecimal, and has a name that does not give it away', () => {
    const secret = randomBytes(32);
    const [base64, hex] = [secret.toString('base64'), secret.toString('hex')];
    expect(localKeyWrapper(base64).id).toBe(localKeyWrapper(hex.toUpperCase()).id);
    expect(localKeyWrapper(base64).id).toMatch(/^local:[0-9a-f]{16}$/);
    expect(hex).not.toContain(localKeyWrapper(base64).id.slice(6));
  });

  test('gives way to a newer one that still reads what it wrapped', async () => {
    const [old, young] = [createMasterKey(), createMasterKey()];
    const wrapped = await localKeyWrapper(old).wrap(key);
    const both = localKeyWrapper(` ${young},\n${old}\n`);
    expect(both.id).toBe(localKeyWrapper(young).id);
    expect(await both.unwrap(wrapped)).toEqual(key);
    expect(await localKeyWrapper([young]).unwrap(await both.wrap(key))).toEqual(key);
  });

  test('notices damage in every byte of what it wrapped', async () => {
    const wrapper = localKeyWrapper(createMasterKey());
    const wrapped = await wrapper.wrap(key);
    for (let at = 0; at < wrapped.length; at++) {
      const damaged = Buffer.from(wrapped);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await expect(wrapper.unwrap(damaged)).rejects.toBeInstanceOf(KeyUnavailableError);
    }
    await expect(wrapper.unwrap(Buffer.alloc(0))).rejects.toBeInstanceOf(KeyUnavailableError);
  });

  test.each([
    '',
    ' , ',
    'short',
    createMasterKey().slice(1),
    `${createMasterKey()}A`,
    'g'.repeat(64),
    randomBytes(31).toString('hex'),
  ])('is refused as %j', (text) => {
    expect(() => localKeyWrapper(text)).toThrow(expect.objectContaining({ code: 'INVALID_MASTER_KEY' }));
    expect(() => localKeyWrapper(`${createMasterKey()},${text}x`)).toThrow(/32 bytes/);
  });
});

describe('unwrapping', () => {
  test('asks a key service once per key, and again after a failure', async () => {
    let asked = 0;
    let broken = true;
    const service: KeyWrapper = {
      id: 'kms:1',
      wrap: (plain) => Promise.resolve(plain),
      unwrap: (wrapped) => {
        asked += 1;
        return broken ? Promise.reject(new Error('timeout')) : Promise.resolve(wrapped);
      },
    };
    const stored = { wrapped: key, kekId: 'kms:1' };
    await expect(unwrapKey(service, stored)).rejects.toMatchObject({
      code: 'KEY_UNAVAILABLE',
      kekId: 'kms:1',
      retryable: true,
    });
    broken = false;
    expect(await Promise.all([unwrapKey(service, stored), unwrapKey(service, stored)])).toEqual([key, key]);
    expect(asked).toBe(2);
    // What one wrapper knows must not serve another one.
    const stranger = { ...service, unwrap: () => Promise.reject(new Error('not mine')) };
    await expect(unwrapKey(stranger, stored)).rejects.toBeInstanceOf(KeyUnavailableError);
    await expect(unwrapKey(undefined, stored)).rejects.toMatchObject({ kekId: 'kms:1', retryable: false });
  });

  test('remembers a bounded number of keys, those used last', () => {
    const lru = createLru<number>(2);
    lru.set('a', 1);
    lru.set('b', 2);
    expect(lru.get('a')).toBe(1);
    lru.set('c', 3);
    expect([lru.get('a'), lru.get('b'), lru.get('c')]).toEqual([1, undefined, 3]);
    lru.delete('a');
    expect(lru.get('a')).toBeUndefined();
  });
});
