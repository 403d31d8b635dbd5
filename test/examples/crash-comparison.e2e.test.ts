import { expect, test } from 'vitest';
import { compare } from '../../examples/crash-comparison/compare.ts';
import { countLosses } from '../../examples/crash-comparison/count-losses.ts';
import { say } from '../../examples/crash-comparison/scenario.ts';

test('the checker tells lost, duplicated and partial apart', () => {
  const asked = [0, 1, 2, 3, 4].map((n) => ({ ...say(n), acknowledged: n < 3 }));
  const [whole = [], lost = [], twice = [], partial = []] = asked.map(({ insights }) => insights);
  const stored = [...whole, ...lost.slice(1), ...twice, ...twice.slice(0, 2), ...partial.slice(0, 3)];
  expect(countLosses(asked, stored)).toEqual({
    turns: 5,
    acknowledged: 3,
    lost: 1,
    duplicated: 1,
    partial: 1,
  });
});

test(
  'five insights under kills: others store some twice or not at all, Holdfast each once',
  { timeout: 600_000 },
  async () => {
    const outcomes = await compare({ kills: 10, seed: 7, onProgress: () => undefined });
    console.log(JSON.stringify(outcomes));
    const [homeMade, checkpointer, holdfast] = outcomes;
    const wrong = (one: typeof homeMade) => (one ? one.lost + one.duplicated + one.partial : 0);
    for (const { kills } of outcomes) expect(kills).toBe(10);
    expect(wrong(homeMade) + wrong(checkpointer)).toBeGreaterThan(0);
    expect(holdfast).toMatchObject({ name: 'Holdfast', lost: 0, duplicated: 0, partial: 0 });
  },
);
