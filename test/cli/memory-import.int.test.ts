import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli, startCli } from './run-cli.ts';

const database = withDatabase();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-import-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

function run(...args: string[]) {
  return runCli(['memory', 'import', ...args, '--json'], { env: cliEnvironment(database) });
}

interface Round {
  readonly thread: string;
  readonly user: string;
  readonly message: string;
  readonly reply: string | null;
  readonly at: string;
}

/** The rounds of a user as the log has them. */
async function rounds(user: string): Promise<Round[]> {
  const { rows } = await database.admin.query<{ search: string }>(
    `select json_build_object('thread', r.thread, 'user', r.scope_user, 'at', r.occurred_at, 'message', r.message, 'reply', r.reply)::text as search
     from round r where r.scope_user = $1 and r.to_pos is null order by r.occurred_at`,
    [user],
  );
  return rows.map(({ search }) => JSON.parse(search) as Round);
}

const talk = [
  { speaker: 'user', text: 'I keep bees.', time: '2024-05-01T10:00:00Z', session: 's1' },
  { speaker: 'assistant', text: 'How many hives?', time: '2024-05-01T10:00:05Z', session: 's1' },
  { speaker: 'Ines', text: 'I play the cello.', time: '2024-05-02T10:00:00+02:00', user: 'ines' },
];
const lines = (messages: readonly object[]): string => messages.map((one) => `${JSON.stringify(one)}\n`).join('');

describe('JSON lines', () => {
  test('are remembered with their times, sessions and users; a second time they are known', async () => {
    const path = await file('talk.jsonl', lines(talk));
    const first = documentOf(await run(path, '--user', 'ana'));
    expect(first).toMatchObject({ ok: true, data: { key: 'talk.jsonl', stored: 3, known: 0 } });
    expect(documentOf(await run(path, '--user', 'ana')).data).toMatchObject({ stored: 0, known: 3 });
    const zipped = await file('talk.jsonl.gz', gzipSync(lines(talk)));
    expect(documentOf(await run(zipped, '--user', 'ana', '--key', 'talk.jsonl')).data).toMatchObject({ known: 3 });
    expect(await rounds('ana')).toMatchObject([
      { thread: 's1', at: expect.stringMatching(/^2024-05-01T10:00:00/) as string },
    ]);
    expect(await rounds('ines')).toMatchObject([
      { thread: 'talk.jsonl', at: expect.stringMatching(/^2024-05-02T08:00:00/) as string },
    ]);
  });

  test.each([
    ['no JSON', '{"speaker":', /line 2 is not JSON/],
    ['a field that nobody knows', '{"speaker":"user","text":"x","when":"now"}', /line 2 .*when/s],
    ['no speaker', '{"text":"x"}', /line 2 .*speaker/s],
    ['a time that is none', '{"speaker":"user","text":"x","time":"yesterday"}', /line 2 .*time/s],
  ])('with %s say which line, and what to do', async (name, bad, says) => {
    const path = await file(`${name}.jsonl`, `${lines(talk.slice(0, 1))}${bad}\n`);
    const { code, ...said } = await run(path, '--user', 'bad');
    expect(code).toBe(1);
    const { error } = documentOf({ code, ...said });
    expect(error).toMatchObject({ code: 'IMPORT_FILE_INVALID', message: expect.stringMatching(says) as string });
    expect(error?.hint).toContain('same key');
  });

  test('of a file that changed under its key are refused, and nothing is written twice', async () => {
    const path = await file('changed.jsonl', lines([{ ...talk[0], user: 'cho' }]));
    await run(path);
    await writeFile(path, lines([{ ...talk[0], user: 'cho', text: 'Something else.' }]));
    expect(documentOf(await run(path))).toMatchObject({ ok: false, error: { code: 'MESSAGES_DIFFER' } });
    expect(await rounds('cho')).toHaveLength(1);
  });
});

test(
  'an import that is killed again and again and repeated leaves each message once',
  { timeout: 120_000 },
  async () => {
    const messages = Array.from({ length: 12_000 }, (_, n) => ({
      speaker: n % 2 === 0 ? 'user' : 'assistant',
      text: `word${n} of a long talk`,
      time: new Date(Date.UTC(2024, 0, 1) + n * 1_000).toISOString(),
      user: `u${Math.floor(n / 5_000)}`,
    }));
    const path = await file('long.jsonl', lines(messages));
    const { rows: clock } = await database.admin.query<{ now: Date }>('select clock_timestamp() as now');
    const began = clock[0]?.now;
    const count = async (): Promise<number> => {
      const { rows } = await database.admin.query<{ n: number }>(
        `select count(*)::int as n from event where type = 'RoundRecorded' and recorded_at >= $1`,
        [began],
      );
      return rows[0]?.n ?? 0;
    };
    const seen: number[] = [];
    for (let kill = 0; kill < 3; kill++) {
      const before = await count();
      const child = startCli(['memory', 'import', path, '--json'], cliEnvironment(database));
      let ended = false;
      child.once('exit', () => (ended = true));
      await until('something is written', async () => (ended || (await count()) > before ? true : null), {
        timeoutMs: 60_000,
      });
      child.kill('SIGKILL');
      await until('it is gone', () => (ended ? true : null));
      seen.push(await count());
    }
    expect(seen[0]).toBeLessThan(6_000);
    const last = documentOf(await run(path));
    expect(last).toMatchObject({ ok: true });
    const { stored, known } = last.data as { stored: number; known: number };
    expect(stored + known).toBe(12_000);
    expect(known).toBeGreaterThanOrEqual((seen.at(-1) ?? 0) * 2 - 2_000);
    expect(await count()).toBe(6_000);
    const { rows } = await database.admin.query<{ n: number }>(
      `select count(distinct message)::int as n from round where message like '%of a long talk'`,
    );
    expect(rows[0]?.n).toBe(6_000);
  },
);

describe('files of benchmarks', () => {
  test('LoCoMo: samples are users, sessions have their dates, captions are words', async () => {
    const path = await file(
      'locomo.json',
      JSON.stringify([
        {
          sample_id: 'conv-x',
          conversation: {
            speaker_a: 'Mia',
            speaker_b: 'Leo',
            session_2: [{ speaker: 'Leo', dia_id: 'D2:1', text: 'Later.' }],
            session_2_date_time: '12:05 am on 3 June, 2023',
            session_1: [
              { speaker: 'Mia', dia_id: 'D1:1', text: 'Look at this!', blip_caption: 'a red kite' },
              { speaker: 'Leo', dia_id: 'D1:2', text: 'Nice.' },
            ],
            session_1_date_time: '1:56 pm on 8 May, 2023',
          },
          qa: [],
        },
      ]),
    );
    expect(documentOf(await run(path, '--format', 'locomo')).data).toMatchObject({ stored: 3 });
    expect(await rounds('conv-x')).toMatchObject([
      { thread: 'conv-x/session_1', at: expect.stringMatching(/^2023-05-08T13:56:00/) as string },
      { thread: 'conv-x/session_1', at: expect.stringMatching(/^2023-05-08T13:56:01/) as string },
      { thread: 'conv-x/session_2', at: expect.stringMatching(/^2023-06-03T00:05:00/) as string },
    ]);
  });

  test('LongMemEval: questions are users, sessions have their dates, a message and its reply are one round', async () => {
    const question = {
      question_id: 'q-1',
      haystack_session_ids: ['a', 'b'],
      haystack_dates: ['2023/05/20 (Sat) 02:21', '2023/05/30 (Tue) 23:40'],
      haystack_sessions: [
        [
          { role: 'user', content: 'I bought a tent.', has_answer: true },
          { role: 'assistant', content: 'Have a good trip.' },
        ],
        [{ role: 'user', content: 'It rained.' }],
      ],
    };
    const path = await file('lme.json', JSON.stringify([question]));
    expect(documentOf(await run(path, '--format', 'longmemeval')).data).toMatchObject({ stored: 3 });
    expect(await rounds('q-1')).toMatchObject([
      { thread: 'q-1/a', at: expect.stringMatching(/^2023-05-20T02:21:00/) as string },
      { thread: 'q-1/b', at: expect.stringMatching(/^2023-05-30T23:40:00/) as string },
    ]);
    const broken = await file(
      'broken.json',
      JSON.stringify([{ ...question, haystack_dates: ['2023/05/20 (Sat) 02:21'] }]),
    );
    expect(documentOf(await run(broken, '--format', 'longmemeval'))).toMatchObject({
      error: { code: 'IMPORT_FILE_INVALID', message: expect.stringContaining('every session needs') as string },
    });
  });
});
