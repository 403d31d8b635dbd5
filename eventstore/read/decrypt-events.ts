import type pg from 'pg';
import { KeyUnavailableError, PersonalDataDamagedError } from '../errors-keys.ts';
import type { EventShape } from '../event.ts';
import type { KeyWrapper } from '../keys/key-wrapper.ts';
import type { SealedFields, SubjectKey } from '../keys/personal-cipher.ts';
import { openFields, personalProperty, sealedFieldsOf } from '../keys/personal-cipher.ts';
import type { PersonalFields, TakenFields } from '../keys/personal-fields.ts';
import { putFields, tombstonesAt } from '../keys/personal-fields.ts';
import { unwrapKey } from '../keys/unwrap-key.ts';

/** The part of an event's row that decryption needs and changes. */
export interface SealedRow {
  readonly stream: string;
  readonly type: string;
  readonly schema_version: number;
  readonly data: object;
}

/** A row with its personal fields in place: as they were written, or as tombstones. */
export type OpenedRow<Row extends SealedRow> = Row & { readonly forgotten: boolean };

/** What reading personal fields takes. */
export interface PersonalAccess<E extends EventShape> {
  readonly personal?: PersonalFields<E>;
  readonly keyWrapper?: KeyWrapper;
}

/**
 * Puts the personal fields of rows back in their places. The keys are read with the client that read the rows, in the same snapshot, so a
 * page is wholly from before or wholly from after a forget. The current tenant of its transaction must be theirs.
 * @param forget subjects to read as if they were forgotten
 * Throws KeyUnavailableError, PersonalDataDamagedError.
 */
export async function decryptRows<E extends EventShape, Row extends SealedRow>(
  client: Pick<pg.ClientBase, 'query'>,
  rows: readonly Row[],
  { personal, keyWrapper }: PersonalAccess<E>,
  { forget = new Set() }: { readonly forget?: ReadonlySet<string> } = {},
): Promise<OpenedRow<Row>[]> {
  const sealed = rows.map(({ data }) => sealedFieldsOf(data));
  const isAsked = ({ keys }: SealedFields): boolean => keys.some(([subject]) => forget.has(subject));
  const keys = await readKeys(
    client,
    sealed.filter((fields) => fields !== null && !isAsked(fields)),
    keyWrapper,
  );
  return rows.map((row, index) => {
    const fields = sealed[index];
    if (!fields) return { ...row, forgotten: false };
    const own = fields.keys.map((ref) => keys.get(JSON.stringify(ref)));
    const forgotten = isAsked(fields) || own.some((key) => key === null);
    const declared = (personal as Record<string, PersonalFields<E>[E['type']]> | undefined)?.[row.type];
    const taken = forgotten
      ? tombstonesAt(fields.at, declared)
      : open(
          row,
          fields,
          own.flatMap((key) => key ?? []),
        );
    const { [personalProperty]: _, ...rest } = row.data as Record<string, unknown>;
    const data = putFields(rest, taken);
    if (!data) throw new PersonalDataDamagedError(row.stream, row.type);
    return { ...row, data, forgotten };
  });
}

function open(row: SealedRow, sealed: SealedFields, keys: readonly SubjectKey[]): TakenFields {
  try {
    return openFields(sealed, keys, { stream: row.stream, type: row.type, schemaVersion: row.schema_version });
  } catch (error) {
    throw new PersonalDataDamagedError(row.stream, row.type, error);
  }
}

interface KeyRow {
  readonly subject: string;
  readonly no: number;
  readonly wrapped: Buffer | null;
  readonly kek_id: string | null;
}

/** The keys that the rows name, by their reference; null for one that was destroyed, or left out when the log was imported. */
async function readKeys(
  client: Pick<pg.ClientBase, 'query'>,
  sealed: readonly (SealedFields | null)[],
  keyWrapper: KeyWrapper | undefined,
): Promise<Map<string, SubjectKey | null>> {
  const wanted = new Map(
    sealed.flatMap((fields) => fields?.keys.map((ref) => [JSON.stringify(ref), ref] as const) ?? []),
  );
  const keys = new Map<string, SubjectKey | null>();
  if (wanted.size === 0) return keys;
  const refs = [...wanted.values()];
  const { rows } = await client.query<KeyRow>({
    name: 'holdfast_read_subject_keys',
    text: 'select * from holdfast.read_subject_keys($1, $2)',
    values: [refs.map(([subject]) => subject), refs.map(([, no]) => no)],
  });
  await Promise.all(
    rows.map(async ({ subject, no, wrapped, kek_id: kekId }) => {
      const key = wrapped && { subject, no, key: await unwrapKey(keyWrapper, { wrapped, kekId }) };
      keys.set(JSON.stringify([subject, no]), key);
    }),
  );
  for (const [id, [subject, no]] of wanted) {
    if (keys.has(id)) continue;
    // Not destroyed but absent: the log came without its keys. To call that forgotten would hide a loss.
    throw new KeyUnavailableError(`Key ${no} of subject "${subject}" is not in this database.`);
  }
  return keys;
}
