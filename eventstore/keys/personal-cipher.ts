import type { KeyObject } from 'node:crypto';
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, randomBytes } from 'node:crypto';
import type { TakenFields } from './personal-fields.ts';

/** Property of stored event data that holds the encrypted personal fields. Callers' data may not have it at the top. */
export const personalProperty = '$personal';

/** One key of a subject by name and number. */
export type KeyRef = readonly [subject: string, no: number];

/** A subject's key, unwrapped. */
export interface SubjectKey {
  readonly subject: string;
  readonly no: number;
  readonly key: Buffer;
}

/** Personal fields as they are stored: who must be remembered to read them, where they belong, and their ciphertext. */
export interface SealedFields {
  readonly v: 1;
  /** In order of subject. All of them are needed: forgetting one destroys the text. */
  readonly keys: readonly KeyRef[];
  readonly at: readonly string[];
  /** Base64. */
  readonly iv: string;
  /** Base64: ciphertext and tag. */
  readonly data: string;
}

/** What ciphertext is bound to besides its keys: moved elsewhere, it does not decrypt. */
export interface EventPlace {
  readonly stream: string;
  readonly type: string;
  readonly schemaVersion: number;
}

const tagBytes = 16;

/** Keys in the order in which they are combined. */
export function sortKeys(keys: readonly SubjectKey[]): SubjectKey[] {
  return keys.toSorted((a, b) => (a.subject < b.subject ? -1 : 1));
}

/**
 * One key out of those of all subjects of an event (HKDF-SHA256 over them in order of subject), for one purpose: without any one
 * of them it cannot be made again.
 */
export function combineKeys(keys: readonly SubjectKey[], purpose: Purpose): KeyObject {
  const [first] = keys;
  if (keys.length !== 1 || !first) return derive(Buffer.concat(sortKeys(keys).map(({ key }) => key)), purpose);
  // Most events are about one subject; deriving its key again for each would take longer than reading it.
  const known = derived.get(first.key) ?? {};
  derived.set(first.key, known);
  return (known[purpose] ??= derive(first.key, purpose));
}

type Purpose = 'personal fields' | 'command body';

/** Lives and goes with the key it was derived from. */
const derived = new WeakMap<Buffer, Partial<Record<Purpose, KeyObject>>>();

// A KeyObject: a cipher takes it four times as fast as bytes.
function derive(material: Buffer, purpose: Purpose): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', material, '', `holdfast ${purpose} v1`, 32)));
}

/** Encrypts the personal fields of one event (AES-256-GCM, random iv). */
export function sealFields(fields: TakenFields, keys: readonly SubjectKey[], place: EventPlace): SealedFields {
  const refs = sortKeys(keys).map(({ subject, no }): KeyRef => [subject, no]);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', combineKeys(keys, 'personal fields'), iv);
  cipher.setAAD(boundTo(place, refs, fields.at));
  const data = Buffer.concat([
    cipher.update(JSON.stringify(fields.values), 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  return { v: 1, keys: refs, at: fields.at, iv: iv.toString('base64'), data: data.toString('base64') };
}

/** Decrypts them again. Throws when anything they are bound to differs. */
export function openFields(sealed: SealedFields, keys: readonly SubjectKey[], place: EventPlace): TakenFields {
  const data = Buffer.from(sealed.data, 'base64');
  const decipher = createDecipheriv(
    'aes-256-gcm',
    combineKeys(keys, 'personal fields'),
    Buffer.from(sealed.iv, 'base64'),
  );
  decipher.setAAD(boundTo(place, sealed.keys, sealed.at));
  decipher.setAuthTag(data.subarray(-tagBytes));
  const text = Buffer.concat([decipher.update(data.subarray(0, -tagBytes)), decipher.final()]).toString('utf8');
  return { at: sealed.at, values: JSON.parse(text) as unknown[] };
}

/**
 * Digest of a command's body that cannot be tested by guessing texts: keyed by the keys of all subjects of the command, so it means
 * nothing once one of them is forgotten.
 */
export function keyedDigest(digest: Buffer, keys: readonly SubjectKey[]): Buffer {
  return createHmac('sha256', combineKeys(keys, 'command body')).update(digest).digest();
}

/** The sealed fields of stored event data; null when it has none. */
export function sealedFieldsOf(data: unknown): SealedFields | null {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, personalProperty)) return null;
  // Only `append` writes this property, and what a stranger changed does not decrypt.
  return (data as Record<typeof personalProperty, SealedFields>)[personalProperty];
}

function boundTo({ stream, type, schemaVersion }: EventPlace, keys: readonly KeyRef[], at: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(['holdfast personal', 1, stream, type, schemaVersion, keys, at]));
}
