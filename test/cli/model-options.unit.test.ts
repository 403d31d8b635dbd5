import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addModelOptions, modelOptionsOf, modelOptionsText } from '../../cli/model-options.ts';

function parse(...args: string[]): unknown {
  const command = addModelOptions(new Command('ask'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return modelOptionsOf(command.parse(args, { from: 'user' }).opts());
}

test('flags are options of the model, and nothing without a flag', () => {
  expect(parse()).toEqual({});
  const numbers = ['--temperature', '0', '--top-p', '0.5', '--max-output-tokens', '9', '--seed', '-1'];
  const penalties = ['--frequency-penalty', '-0.5', '--presence-penalty', '2'];
  const words = ['--reasoning-effort', 'low', '--stop', 'END', '--stop', 'FIN'];
  expect(parse(...numbers, ...penalties, ...words)).toEqual({
    modelOptions: {
      ...{ temperature: 0, topP: 0.5, maxOutputTokens: 9, seed: -1, reasoningEffort: 'low', stop: ['END', 'FIN'] },
      ...{ frequencyPenalty: -0.5, presencePenalty: 2 },
    },
  });
});

test('"default" takes an option away', () => {
  const args = ['--temperature', 'default', '--stop', 'default', '--reasoning-effort', 'default'];
  expect(parse(...args)).toEqual({ modelOptions: { temperature: null, stop: null, reasoningEffort: null } });
});

test('what is no number is refused', () => {
  for (const value of ['warm', '', 'NaN'])
    expect(() => parse('--temperature', value)).toThrow(/Expected a number or "default"/);
});

test('options are shown in a few words', () => {
  expect(modelOptionsText({})).toBe('');
  expect(modelOptionsText({ temperature: 0.2, stop: ['END'] })).toBe('temperature 0.2, stop ["END"]');
});
