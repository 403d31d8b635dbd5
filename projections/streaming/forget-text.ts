import type { DerivedData } from '../../eventstore/index.ts';

/** Words about a forgotten subject that a model was writing, or wrote before its worker died. */
export const forgottenText: DerivedData = {
  name: 'text_chunk',
  async clear(client, { tenant, subject }) {
    const { rowCount } = await client.query(
      'delete from holdfast.text_chunk where tenant = $1 and subjects @> array[$2::text collate "C"]',
      [tenant, subject],
    );
    return rowCount ?? 0;
  },
};
