import type pg from 'pg';

/**
 * Runs `body` between `begin` and `commit` on one client, rolled back when it throws.
 * @param begin the statement that opens the transaction, with settings after it @default 'begin'
 */
export async function transactionOn<T>(client: pg.ClientBase, body: () => Promise<T>, begin = 'begin'): Promise<T> {
  try {
    await client.query(begin);
    const result = await body();
    await client.query('commit');
    return result;
  } catch (error) {
    // What broke matters, not that a broken connection cannot roll back: the server does that by itself.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
