import { bodyDigest, contentDigest } from '../chain.ts';
import type { EncodedCommand } from './encode-command.ts';
import { InvalidCommandError } from '../errors.ts';
import type { SubjectKey } from '../keys/personal-cipher.ts';
import { keyedDigest, personalProperty, sealFields } from '../keys/personal-cipher.ts';
import type { PersonalFields, TakenFields } from '../keys/personal-fields.ts';
import { takeFields } from '../keys/personal-fields.ts';
import type { EventShape } from '../event.ts';

/** A command whose personal fields are taken out of its texts, in the clear still. */
export interface PartedCommand {
  readonly encoded: EncodedCommand;
  /** Per event; null where nothing is personal. */
  readonly parts: readonly (PersonalPart | null)[];
  /** Whose keys it needs. */
  readonly subjects: readonly string[];
}

interface PersonalPart {
  /** The public rest of the data. */
  readonly data: object;
  readonly fields: TakenFields;
  readonly subjects: readonly string[];
}

/**
 * Parts public and personal fields of an encoded command. Throws InvalidCommandError when data of the caller's own has the property that
 * ciphertext is stored in.
 */
export function partCommand<E extends EventShape>(
  encoded: EncodedCommand,
  personal: PersonalFields<E> | undefined,
): PartedCommand {
  const declared = new Map(
    Object.entries(personal ?? {}).map(([type, fields]) => [type, Object.keys(fields as object)]),
  );
  const parts = encoded.events.map(({ type, subjects, data: text }): PersonalPart | null => {
    const paths = subjects.length > 0 ? declared.get(type) : undefined;
    // The quotes of a property's name stand in the text as they are; most data need not be parsed again.
    if (!paths && !text.includes(`"${personalProperty}"`)) return null;
    const data = JSON.parse(text) as object;
    if (Object.hasOwn(data, personalProperty)) {
      throw new InvalidCommandError(
        `The data of ${type} has a property "${personalProperty}", under which the log stores ciphertext.`,
        'Give the property another name, or put it one level deeper.',
      );
    }
    const fields = takeFields(data, paths ?? []);
    return fields.at.length === 0 ? null : { data, fields, subjects: [...new Set(subjects)] };
  });
  return { encoded, parts, subjects: [...new Set(parts.flatMap((part) => part?.subjects ?? []))] };
}

/**
 * Encrypts a parted command: what is stored no longer says anything once one of its subjects' keys is gone. That goes for the hash by
 * which a repeat is known, too: it is keyed, so texts cannot be guessed against it.
 * @param keys of all its subjects
 */
export function encryptCommand({ encoded, parts }: PartedCommand, keys: readonly SubjectKey[]): EncodedCommand {
  const events = encoded.events.map((event, index) => {
    const part = parts[index];
    if (!part) return event;
    const { stream = '' } = encoded.touches[event.touch] ?? {};
    const { type, schemaVersion } = event;
    const own = part.subjects.map((subject) => keyOf(keys, subject));
    const sealed = sealFields(part.fields, own, { stream, type, schemaVersion });
    return { ...event, data: JSON.stringify({ ...part.data, [personalProperty]: sealed }) };
  });
  const { id, meta, result, touches } = encoded;
  const stored = events.map((event) => ({ ...event, stream: touches[event.touch]?.stream ?? '' }));
  return {
    ...encoded,
    hash: keyedDigest(Buffer.from(encoded.hash, 'hex'), keys).toString('hex'),
    digest: bodyDigest(contentDigest({ id, result, events: stored }), meta).toString('hex'),
    bytes: [...events.map(({ data }) => data), meta, result].reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    keys: keys.map(({ subject, no }) => [subject, no]),
    events,
  };
}

function keyOf(keys: readonly SubjectKey[], subject: string): SubjectKey {
  const key = keys.find((one) => one.subject === subject);
  if (!key) throw new Error(`There is no key for subject "${subject}".`);
  return key;
}
