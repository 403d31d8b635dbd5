import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { KeyUnavailableError } from '../errors-keys.ts';

/**
 * Protects the keys of subjects while they lie in the database: a key management service, or `localKeyWrapper`. Keys are 32
 * bytes; they are wrapped once, when a subject is first written about, and unwrapped once per process that reads it.
 */
export interface KeyWrapper {
  /** Names the key that `wrap` uses; stored beside what it wrapped. */
  readonly id: string;
  wrap(key: Buffer): Promise<Buffer>;
  /** Throws when the key that wrapped it is not at hand; KeyUnavailableError names it best. */
  unwrap(wrapped: Buffer): Promise<Buffer>;
}

/** Bytes of every key: subjects' keys and the master key alike. */
export const keyBytes = 32;
const formatVersion = 1;
const idBytes = 8;
const ivBytes = 12;
const tagBytes = 16;

/** A new master key as text for the environment or a key file: 32 random bytes in base64. */
export function createMasterKey(): string {
  return randomBytes(keyBytes).toString('base64');
}

/**
 * Wraps with AES-256-GCM under master keys of our own. The first one wraps; all of them unwrap, so that a new key can be put in front
 * of an old one and `rewrapKeys` can follow later.
 * @param secrets 32 bytes each, in base64 or hexadecimal; several in one text are parted by commas or line ends
 * Throws HoldfastError INVALID_MASTER_KEY.
 */
export function localKeyWrapper(secrets: string | readonly string[]): KeyWrapper {
  const texts = (typeof secrets === 'string' ? [secrets] : secrets).flatMap((text) => text.split(/[\s,]+/));
  const keys = texts.filter((text) => text !== '').map(parseMasterKey);
  const byId = new Map(keys.map((key) => [keyId(key), key]));
  const first = keys[0];
  if (!first) throw invalidMasterKey('it is empty');
  const id = keyId(first);
  return {
    id: idText(id),
    wrap: (key) => {
      const iv = randomBytes(ivBytes);
      const header = Buffer.concat([Buffer.from([formatVersion]), Buffer.from(id, 'hex')]);
      const cipher = createCipheriv('aes-256-gcm', first, iv).setAAD(header);
      const sealed = [cipher.update(key), cipher.final(), cipher.getAuthTag()];
      return Promise.resolve(Buffer.concat([header, iv, ...sealed]));
    },
    unwrap: (wrapped) => {
      const header = wrapped.subarray(0, 1 + idBytes);
      const wrappedBy = header.subarray(1).toString('hex');
      const key = byId.get(wrappedBy);
      if (header[0] !== formatVersion || !key) {
        const known = [...byId.keys()].map(idText).join(', ');
        return Promise.reject(
          new KeyUnavailableError(
            `A subject's key is wrapped by ${idText(wrappedBy)}; the master keys here are ${known}.`,
            {
              kekId: idText(wrappedBy),
            },
          ),
        );
      }
      const iv = wrapped.subarray(header.length, header.length + ivBytes);
      const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(header);
      decipher.setAuthTag(wrapped.subarray(-tagBytes));
      try {
        const opened = [decipher.update(wrapped.subarray(header.length + ivBytes, -tagBytes)), decipher.final()];
        return Promise.resolve(Buffer.concat(opened));
      } catch (error) {
        const what = `A subject's key that ${idText(wrappedBy)} wrapped is damaged.`;
        return Promise.reject(new KeyUnavailableError(what, { kekId: idText(wrappedBy), cause: error }));
      }
    },
  };
}

function parseMasterKey(text: string): Buffer {
  const bytes = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  // Buffer skips what is not base64: a cut or mistyped key must not become another one.
  const isExact = bytes.toString('hex') === text.toLowerCase() || bytes.toString('base64') === text;
  if (bytes.length !== keyBytes || !isExact) throw invalidMasterKey(`one of its keys has ${text.length} characters`);
  return bytes;
}

/** Tells keys apart without giving them away. */
function keyId(key: Buffer): string {
  return createHash('sha256').update('holdfast master key').update(key).digest().subarray(0, idBytes).toString('hex');
}

function idText(id: string): string {
  return `local:${id}`;
}

function invalidMasterKey(why: string): HoldfastError {
  return new HoldfastError(
    'INVALID_MASTER_KEY',
    `A master key must be 32 bytes in base64 or hexadecimal, or several of them parted by commas; ${why}.`,
    { hint: 'Make one with `holdfast keys create`.' },
  );
}
