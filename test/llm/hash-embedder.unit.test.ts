import { describe, expect, it } from 'vitest';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';

const embedder = createHashEmbedder();

async function similarity(one: string, other: string): Promise<number> {
  const [left, right] = await embedder.embed([one, other]);
  return left?.reduce((sum, value, at) => sum + value * (right?.[at] ?? 0), 0) ?? 0;
}

// text, related text, unrelated text
const triples: readonly (readonly [string, string, string])[] = [
  ['Ana prefers SMS over email.', 'Does Ana prefer SMS or email?', 'The parcel weighs three kilograms.'],
  ['The dog is called Bruno.', 'What is the name of the dog?', 'Invoices are due on Friday.'],
  ['She lives in Lisbon.', 'Is she living in Lisbon?', 'Running shoes, size 42.'],
  ['To return shoes, print the label first.', 'How do I return my shoes?', 'Postgres listens on port 5432.'],
  ['Bob is allergic to peanuts.', 'peanut allergies of Bob', 'Her favourite colour is green.'],
  ['The database runs Postgres 16.', 'Which Postgres database do we run?', 'He walks his dog in the morning.'],
  ['Meeting moved to Thursday afternoon', 'When is the meeting on Thursday?', 'They like spicy food.'],
  ['Deployments happen every Monday', 'deployment day', 'My sister studies chemistry.'],
  ['The customer asked for a refund of 80 EUR', 'refunding customers', 'The cat sleeps on the sofa.'],
  ['He speaks Portuguese and French', 'Can he speak French?', 'Order A-1001 was shipped.'],
  ['Café Müller opens at nine', 'cafe muller opening time', 'The printer is out of paper.'],
  ['Her name is Katharina', 'Katarina', 'Please water the plants.'],
  ['The API key expires in March', 'expiry of API keys', 'Grandma bakes bread on Sundays.'],
  ['彼は東京に住んでいます', '東京に住む', '犬の名前はハチです'],
  ['我喜欢喝绿茶', '绿茶', '明天下雨'],
  ['Она живёт в Москве', 'живёт в Москве', 'Собаку зовут Шарик'],
  ['يعيش في القاهرة', 'القاهرة', 'اسم الكلب برونو'],
  ['unsubscribe from the newsletter', 'newsletter unsubscription', 'engine oil level'],
];

describe('createHashEmbedder', () => {
  it.each(triples)('holds "%s" closer to "%s" than to "%s"', async (text, related, unrelated) => {
    expect(await similarity(text, related)).toBeGreaterThan((await similarity(text, unrelated)) + 0.1);
  });

  it('gives unit vectors of the length in its name', async () => {
    expect(embedder.model).toBe('hash-256-v1');
    const [vector] = await embedder.embed(['hello world']);
    expect(vector).toHaveLength(256);
    expect(Math.hypot(...(vector ?? []))).toBeCloseTo(1, 5);
    expect(createHashEmbedder({ dimensions: 64 }).model).toBe('hash-64-v1');
  });

  it('never changes: stored vectors stay comparable across releases', async () => {
    const [vector] = await embedder.embed(['Ana prefers SMS over email.']);
    const heaviest = [...(vector ?? [])]
      .map((value, at) => ({ at, value }))
      .sort((one, other) => Math.abs(other.value) - Math.abs(one.value) || one.at - other.at)
      .slice(0, 3)
      .map(({ at, value }) => [at, Number(value.toFixed(4))]);
    expect(heaviest).toMatchInlineSnapshot(`
      [
        [
          13,
          0.3613,
        ],
        [
          68,
          0.3613,
        ],
        [
          82,
          0.3613,
        ],
      ]
    `);
  });

  it.each([
    ['NUL', '\u0000'],
    ['a lone surrogate', 'a\ud800b'],
    ['nothing', ''],
    ['emoji', '🙂🙃'],
    ['punctuation', '?!…'],
  ])('embeds %s', async (_, text) => {
    const [vector] = await embedder.embed([text]);
    expect(Math.hypot(...(vector ?? []))).toBeCloseTo(1, 5);
  });

  it.each([
    ['one letter', 'a'.repeat(1_000_000)],
    ['words', 'lorem ipsum dolor sit amet '.repeat(40_000)],
    ['unspaced script', '東京都に住んでいます'.repeat(100_000)],
    ['characters that expand eighteenfold', '\ufdfa'.repeat(1_000_000)],
  ])('embeds a megabyte of %s quickly', async (_, text) => {
    const start = performance.now();
    const [vector] = await embedder.embed([text]);
    expect(Math.hypot(...(vector ?? []))).toBeCloseTo(1, 5);
    expect(performance.now() - start).toBeLessThan(1_500);
  });

  it('refuses senseless lengths', () => {
    expect(() => createHashEmbedder({ dimensions: 0 })).toThrow('from 8 to 4096, but 0 was given');
  });
});
