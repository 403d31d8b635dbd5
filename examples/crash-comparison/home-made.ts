import pg from 'pg';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import { askModel, serve } from './scenario.ts';

/**
 * A home-made memory, as it stands in many products: each insight is a row with its vector, the turn is a row of its own, and a
 * turn that was answered is not run again. With pgvector the column would be of type `vector`; a queue in Redis would hand the
 * turn out again after a crash, as our client does. When rows are committed is the same with both.
 */
const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });
const embedder = createHashEmbedder();
await pool.query(`
  create table if not exists turns (id text primary key, reply text not null);
  create table if not exists memories (
    id uuid primary key default gen_random_uuid(), user_id text not null, content text not null, embedding real[] not null
  )`);

await serve(async ({ turn, user, message }) => {
  const { rows } = await pool.query<{ reply: string }>('select reply from turns where id = $1', [turn]);
  if (rows[0]) return rows[0].reply;
  const { insights, reply } = await askModel(message);
  // #region writes
  for (const insight of insights) {
    const [vector = []] = await embedder.embed([insight]);
    await pool.query('insert into memories (user_id, content, embedding) values ($1, $2, $3)', [
      user,
      insight,
      [...vector],
    ]);
  }
  await pool.query('insert into turns (id, reply) values ($1, $2)', [turn, reply]);
  // #endregion
  return reply;
});
await pool.end();
