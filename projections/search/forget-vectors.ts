import type pg from 'pg';
import type { DerivedData } from '../../eventstore/index.ts';

/**
 * Vectors about a forgotten subject go, unless a document that is left has the same text. That includes vectors whose event never came to
 * be: a step that died between attaching them and its commit.
 */
export const forgottenVectors: DerivedData = {
  name: 'embedding',
  async clear(client, { tenant, subject }) {
    const about = 'e.tenant = $1 and e.subjects @> array[$2::text collate "C"]';
    const { rows: gone } = await client.query<{ model: string; text_hash: string }>(
      `delete from holdfast.embedding e where ${about}
         and not exists (select from holdfast.memory_document d where d.tenant = $1 and d.text_hash = e.text_hash)
       returning e.model, e.text_hash`,
      [tenant, subject],
    );
    // After them: whoever copies holds the vector's row meanwhile (pgvector-storage.ts).
    if (await hasCopies(client))
      await client.query(
        `delete from holdfast.embedding_near n using unnest($2::text[], $3::text[]) as gone (model, hash), holdfast.embedding_space s
         where s.tenant = $1 and s.model = gone.model and n.space = s.no and n.text_hash = gone.hash`,
        [tenant, gone.map(({ model }) => model), gone.map(({ text_hash }) => text_hash)],
      );
    // What is left is somebody else's text, word for word.
    await client.query(`update holdfast.embedding e set subjects = array_remove(e.subjects, $2) where ${about}`, [
      tenant,
      subject,
    ]);
    return gone.length;
  },
};

/** Copies are there only where pgvector is used. */
async function hasCopies(client: { query: pg.ClientBase['query'] }): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regclass('holdfast.embedding_near') is not null as found`,
  );
  return rows[0]?.found === true;
}
