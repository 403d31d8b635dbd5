import type pg from 'pg';

/**
 * Runs `body` between `begin` and `commit` on one client, rolled back when it throws.
 * @param begin the statement that opens the transaction, with settings after it @default 'begin'
 */
export async function transactionOn<T>(client: pg.ClientBase, body: () => Promise<T>, begin = 'begin'): Promise<T> {
  try {
    await client.query(begin);
    const result = await body();
    const { command } = await client.query('commit');
    // What PostgreSQL answers when a statement failed and its error was swallowed.
    if (command === 'ROLLBACK') throw new Error('The transaction had failed before its commit; it was rolled back.');
    return result;
  } catch (error) {
    // What broke matters, not that a broken connection cannot roll back: the server does that by itself.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
