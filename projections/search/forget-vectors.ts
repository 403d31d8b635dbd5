import type { DerivedData } from '../../eventstore/index.ts';

/**
 * Vectors about a forgotten subject go, unless a document that is left has the same text. That includes vectors whose event never came to
 * be: a step that died between attaching them and its commit.
 */
export const forgottenVectors: DerivedData = {
  name: 'embedding',
  async clear(client, { tenant, subject }) {
    const about = 'e.tenant = $1 and e.subjects @> array[$2::text collate "C"]';
    const { rowCount } = await client.query(
      `delete from holdfast.embedding e where ${about}
         and not exists (select from holdfast.memory_document d where d.tenant = $1 and d.text_hash = e.text_hash)`,
      [tenant, subject],
    );
    // What is left is somebody else's text, word for word.
    await client.query(`update holdfast.embedding e set subjects = array_remove(e.subjects, $2) where ${about}`, [
      tenant,
      subject,
    ]);
    return rowCount ?? 0;
  },
};
