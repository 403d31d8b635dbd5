import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { KeyUnavailableError } from '../errors-keys.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import { keyBytes } from './key-wrapper.ts';
import { createLru } from './lru.ts';
import type { SubjectKey } from './personal-cipher.ts';
import { retryConnection } from '../retry-connection.ts';
import { unwrapKey } from './unwrap-key.ts';

/** The keys that new events are encrypted with: one per subject, made when it is first written about. */
export interface SubjectKeys {
  /**
   * Gives the key in use of each subject. What is remembered here may have been destroyed meanwhile: the append then refuses it, and
   * the caller lets go of it with `release` and asks again.
   * @param transaction asks inside the caller's transaction; a key made there goes with it
   * Throws KeyUnavailableError.
   */
  inUse(tenant: number, subjects: readonly string[], transaction?: pg.ClientBase): Promise<SubjectKey[]>;
  release(tenant: number, subject: string): void;
}

interface KeyRow {
  readonly subject: string;
  readonly no: number;
  readonly wrapped: Buffer;
  readonly kek_id: string;
}

/** Subjects remembered by one store. */
const mostSubjects = 10_000;

/** Opens the keys of a database for writers. */
export function createSubjectKeys(pool: pg.Pool, wrapper: KeyWrapper | undefined): SubjectKeys {
  const known = createLru<SubjectKey>(mostSubjects);
  const nameOf = (tenant: number, subject: string): string => `${tenant}/${subject}`;

  return {
    async inUse(tenant, subjects, transaction) {
      const keys = new Map<string, SubjectKey>();
      for (const subject of subjects) {
        const key = known.get(nameOf(tenant, subject));
        if (key) keys.set(subject, key);
      }
      const unknown = [...new Set(subjects)].filter((subject) => !keys.has(subject));
      for (const key of unknown.length === 0 ? [] : await load(tenant, unknown, transaction)) {
        keys.set(key.subject, key);
        // A key that was made in a transaction may never come to be.
        if (!transaction) known.set(nameOf(tenant, key.subject), key);
      }
      return [...keys.values()];
    },
    release: (tenant, subject) => known.delete(nameOf(tenant, subject)),
  };

  async function load(
    tenant: number,
    subjects: readonly string[],
    transaction: pg.ClientBase | undefined,
  ): Promise<SubjectKey[]> {
    if (!wrapper)
      throw new KeyUnavailableError('A command holds personal fields, and no master key is set to encrypt them.');
    const query = async (text: string, values: unknown[]): Promise<KeyRow[]> => {
      const ask = (): Promise<pg.QueryResult<KeyRow>> => (transaction ?? pool).query<KeyRow>(text, values);
      return (await (transaction ? ask() : retryConnection(ask))).rows;
    };
    const rows = await query('select * from holdfast.find_subject_keys($1, $2)', [tenant, subjects]);
    const missing = subjects.filter((subject) => !rows.some((row) => row.subject === subject));
    if (missing.length > 0) {
      const wrapped = await Promise.all(missing.map(() => wrapper.wrap(randomBytes(keyBytes))));
      rows.push(
        ...(await query('select * from holdfast.create_subject_keys($1, $2, $3, $4)', [
          tenant,
          missing,
          wrapped,
          wrapper.id,
        ])),
      );
    }
    return Promise.all(
      rows.map(async ({ subject, no, wrapped, kek_id }) => ({
        subject,
        no,
        key: await unwrapKey(wrapper, { wrapped, kekId: kek_id }),
      })),
    );
  }
}
