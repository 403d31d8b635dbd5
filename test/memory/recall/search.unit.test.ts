import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dot } from '../../../memory/rank.ts';
import { exactUpTo, scoreVectors } from '../../../memory/recall/score-vectors.ts';
import { searchShelves } from '../../../memory/recall/search.ts';
import type { Shelf, ShelfItem } from '../../../memory/recall/shelf.ts';
import { createShelf } from '../../../memory/recall/shelf.ts';
import { sightOf } from '../../../memory/recall/sight.ts';
import { stemEnglish } from '../../../memory/recall/stem.ts';
import { termsOf } from '../../../memory/recall/terms.ts';
import { createTop } from '../../../memory/recall/top.ts';
import { relevanceOf } from '../../../memory/recall/weights.ts';

function item(id: string, text: string, change: Partial<ShelfItem> = {}): ShelfItem {
  return {
    id,
    kind: 'round',
    text,
    textHash: id,
    speaker: 'Ana',
    session: 's',
    expires: null,
    at: Date.UTC(2026, 0, 1),
    from: 1,
    to: null,
    fork: '',
    ofUser: true,
    agent: null,
    thread: null,
    turn: id,
    ...change,
  };
}

function shelfOf(...items: readonly ShelfItem[]): Shelf {
  const shelf = createShelf();
  shelf.put(items);
  return shelf;
}

const vectorOf = (degrees: number): Float32Array =>
  Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180));

function ask(shelves: readonly Shelf[], text: string, vector: Float32Array | null = null) {
  const { candidates, ...rest } = searchShelves(shelves, { text, vector }, { isVisible: () => true });
  const ranked = candidates
    .map(({ entry, features }) => ({ id: entry.id, features, score: relevanceOf(features, vector ? 'both' : 'words') }))
    .sort((a, b) => b.score - a.score);
  return { ...rest, ranked, ids: ranked.map(({ id }) => id) };
}

describe('terms', () => {
  test('stems as the published vocabulary of Porter2 has it', () => {
    const words =
      'consigned consistency knightly hopping hoping agreed flies dying generously happiness national skies';
    expect(words.split(' ').map(stemEnglish).join(' ')).toBe(
      'consign consist knight hop hope agre fli die generous happi nation sky',
    );
    expect(['Straße', 'чай', 'x1'].map(stemEnglish)).toEqual(['Straße', 'чай', 'x1']);
  });

  test('leaves stop words and accents out and splits scripts without spaces', () => {
    expect(termsOf('The cafés of Zürich are nice')).toEqual(['cafe', 'zurich', 'nice']);
    expect(termsOf('東京都')).toEqual(['東京', '京都']);
    expect(termsOf('!? \ud800')).toEqual([]);
  });
});

describe('searchShelves', () => {
  const talk = shelfOf(
    item('tea', 'Ana: I bought green tea in the market.'),
    item('where', 'Bo: Which market was it?', { speaker: 'Bo', from: 2 }),
    item('answer', 'Ana: The one behind the station.', { from: 3 }),
    item('other', 'Ana: My train was late.', { session: 't', from: 4 }),
  );

  test('finds a message by its words, and its neighbours by them too', () => {
    const { ids } = ask([talk], 'What tea did she buy?');
    expect(ids[0]).toBe('tea');
    expect(ids).toContain('where');
    expect(ids).not.toContain('other');
  });

  test('prefers what the person said whom the question names', () => {
    const { ranked } = ask([talk], 'What did Bo ask about the market?');
    const of = (id: string) => ranked.find((one) => one.id === id)?.features;
    expect([of('where')?.author, of('where')?.otherAuthor, of('tea')?.otherAuthor]).toEqual([1, 0, 1]);
    expect(ranked[0]?.id).toBe('where');
  });

  test('finds by vector what has no word of the question, and says how near it is', () => {
    const shelf = shelfOf(item('x', 'abc'), item('y', 'def', { from: 2 }));
    shelf.attach(
      new Map([
        ['x', vectorOf(0)],
        ['y', vectorOf(60)],
      ]),
    );
    const { ids, strength, withoutVector } = ask([shelf], 'zzz', vectorOf(10));
    expect(ids).toEqual(['x', 'y']);
    expect(strength.nearest).toBeCloseTo(Math.cos((10 * Math.PI) / 180), 5);
    expect(withoutVector).toBe(0);
  });

  test('covers says which share of the question, by rarity of its words, is there at all', () => {
    expect(ask([talk], 'green tea market').strength.coverage).toBeCloseTo(1, 6);
    expect(ask([talk], 'green submarine').strength.coverage).toBeLessThan(0.5);
    expect(ask([talk], '').strength.coverage).toBe(0);
  });

  test('a message that ended or is of another position is neither found nor counted', () => {
    const { candidates } = searchShelves(
      [talk],
      { text: 'market', vector: null },
      { isVisible: ({ from }) => from <= 1 },
    );
    expect(candidates.map(({ entry }) => entry.id)).toEqual(['tea']);
  });

  const words = fc.array(fc.constantFrom('tea', 'train', 'market', 'green', 'late', 'Ana', 'station'), {
    maxLength: 6,
  });
  const entry = fc.record({ words, session: fc.constantFrom('a', 'b'), speaker: fc.constantFrom('Ana', 'Bo') });

  test('as of a position it gives what a shelf that ends there gives, in whatever pieces it was filled', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), fc.nat(12), words, (entries, cut, query) => {
        const items = entries.map(({ words: own, session, speaker }, index) =>
          item(`i${index}`, own.join(' '), {
            session,
            speaker,
            from: index + 1,
            expires: null,
            at: Date.UTC(2026, 0, 1 + (index % 3)),
          }),
        );
        const whole = createShelf();
        for (const one of items) whole.put([one]);
        const short = shelfOf(...items.slice(0, cut));
        const see = (shelf: Shelf) =>
          searchShelves([shelf], { text: query.join(' '), vector: null }, { isVisible: ({ from }) => from <= cut });
        const plain = (found: ReturnType<typeof see>) => ({
          ...found,
          candidates: found.candidates
            .map((one) => ({ id: one.entry.id, ...one.features }))
            .sort((a, b) => (a.id < b.id ? -1 : 1)),
        });
        expect(plain(see(whole))).toEqual(plain(see(short)));
      }),
    );
  });
});

describe('vectors of a large shelf', () => {
  const dimensions = 128;
  const count = 20_000;
  const random = (() => {
    let state = 7;
    return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  })();
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const unit = (values: Float32Array): Float32Array => {
    const length = Math.hypot(...values);
    return values.map((value) => value / length);
  };
  const centres = Array.from({ length: 40 }, () => Float32Array.from({ length: dimensions }, normal));
  const near = () => unit((centres[Math.floor(random() * 40)] ?? new Float32Array()).map((value) => value + normal()));
  const vectors = Array.from({ length: count }, near);
  const shelf = createShelf();
  shelf.put(vectors.map((_, n) => item(`v${n}`, 'x', { from: n + 1, session: null })));
  shelf.attach(new Map(vectors.map((vector, n) => [`v${n}`, vector])));
  const sight = sightOf(shelf, { isVisible: () => true });
  const exact = (query: Float32Array, most: number): number[] =>
    vectors
      .map((vector, index) => ({ index, cosine: dot(vector, query) }))
      .sort((a, b) => b.cosine - a.cosine)
      .slice(0, most)
      .map(({ index }) => index);

  test('the first pass by signs keeps at least 99 % of the 200 nearest, and gives their exact cosines', () => {
    let [kept, of] = [0, 0];
    for (let n = 0; n < 20; n += 1) {
      const query = near();
      const cosines = scoreVectors({ shelf, sight }, query);
      expect(cosines.near.length).toBeLessThan(count / 4);
      const found = new Set(cosines.near);
      for (const index of exact(query, 200)) {
        kept += found.has(index) ? 1 : 0;
        of += 1;
      }
      cosines.near.forEach((index, at) => {
        expect(cosines.cosines[at]).toBeCloseTo(dot(vectors[index] ?? query, query), 5);
      });
    }
    expect(kept / of).toBeGreaterThanOrEqual(0.99);
  });

  test('up to 4,096 vectors all are compared', () => {
    const query = near();
    const wanted = Uint8Array.from(vectors, (_, index) => (index < exactUpTo ? 1 : 0));
    expect(Array.from(scoreVectors({ shelf, sight }, query, wanted).near)).toEqual(
      Array.from({ length: exactUpTo }, (_, index) => index),
    );
  });

  test('what is not wanted is not found, and what is not compared has its exact cosine all the same', () => {
    const query = near();
    const [first = 0] = exact(query, 1);
    const wanted = Uint8Array.from(vectors, (_, index) => (index === first ? 0 : 1));
    const cosines = scoreVectors({ shelf, sight }, query, wanted);
    expect(cosines.near).not.toContain(first);
    expect(cosines.of(first)).toBeCloseTo(dot(vectors[first] ?? query, query), 5);
  });

  test('a vector of another length is none', () => {
    const cosines = scoreVectors({ shelf, sight }, Float32Array.of(1));
    expect([cosines.near.length, cosines.missing, cosines.of(0)]).toEqual([0, count, 0]);
  });
});

describe('createTop', () => {
  test('keeps what sorting keeps, ties to the lower place', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }), fc.nat(20), (scores, size) => {
        const top = createTop(size);
        scores.forEach((score, place) => top.offer(place, score));
        const sorted = scores
          .map((score, place) => ({ place, score }))
          .sort((a, b) => b.score - a.score || a.place - b.place);
        expect(top.list()).toEqual(sorted.slice(0, size));
      }),
    );
  });
});

describe('what is seen of a shelf', () => {
  test('is kept under its name until the shelf changes, and never for a reader of an earlier position', () => {
    const shelf = shelfOf(item('a', 'tea'), item('b', 'tea', { from: 5 }));
    let looked = 0;
    const view = (position: number) => ({
      keptAs: { name: 'n', position },
      isVisible: ({ from }: { readonly from: number }) => (looked += 1) > 0 && from <= position,
    });
    expect(sightOf(shelf, view(9)).visible).toBe(2);
    expect(sightOf(shelf, view(7)).visible).toBe(2);
    expect(looked).toBe(2);
    expect(sightOf(shelf, view(4)).visible).toBe(1);
    expect(sightOf(shelf, view(9)).visible).toBe(2);
    expect(looked).toBe(4);
    shelf.put([item('b', 'tea', { from: 5, to: 8 })]);
    const seen = looked;
    sightOf(shelf, view(9));
    expect(looked).toBe(seen + 2);
  });
});
