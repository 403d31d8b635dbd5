import type { ViewReader } from './read-views.ts';

/** The version of a stream as the snapshot shows it, 0 when there is none. */
export async function streamVersion({ client, tenant }: ViewReader, stream: string): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    'select version from holdfast.stream where tenant = $1 and name = $2',
    [tenant, stream],
  );
  return rows[0]?.version ?? 0;
}
