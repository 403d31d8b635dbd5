import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { ModelOptions, ModelOptionsChange } from '../client/index.ts';

/** Word that takes an option away. Commander has no room for a null. */
const none = 'default';

/** What the flags of {@link addModelOptions} give: options of the model to change, `default` for those to take away. */
export type ModelFlags = {
  readonly [Name in keyof ModelOptions]?: ModelOptions[Name] | typeof none;
};

/** Adds a flag for each option of the model; `default` leaves it to the model's server. What may stand there is checked by the client. */
export function addModelOptions(command: Command): Command {
  return command
    .option('--temperature <n>', `how freely words are chosen, or "${none}" as in all of these`, number)
    .option('--top-p <n>', 'share of the likeliest words to choose from', number)
    .option('--max-output-tokens <n>', 'longest reply in tokens', number)
    .option('--seed <n>', 'answer the same request alike', number)
    .option('--reasoning-effort <word>', 'how much a reasoning model thinks')
    .option('--stop <text>', 'end the reply before this text (repeatable)', texts)
    .option('--frequency-penalty <n>', 'make frequent words less likely', number)
    .option('--presence-penalty <n>', 'make words less likely that stand there already', number);
}

/** The change of the model's options that the flags ask for; `{}` where there is none, so that it can be spread. */
export function modelOptionsOf(flags: ModelFlags): { readonly modelOptions?: ModelOptionsChange } {
  const { temperature, topP, maxOutputTokens, seed, reasoningEffort, stop, frequencyPenalty, presencePenalty } = flags;
  const given = { temperature, topP, maxOutputTokens, seed, reasoningEffort, stop, frequencyPenalty, presencePenalty };
  const change = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value === none ? null : value]],
    ),
  );
  return Object.keys(change).length === 0 ? {} : { modelOptions: change };
}

/** Options in a few words, for people: `temperature 0.2, stop ["END"]`; '' for none. */
export function modelOptionsText(options: ModelOptions): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}

function number(value: string): number | typeof none {
  if (value === none) return none;
  const given = Number(value);
  if (value.trim() === '' || !Number.isFinite(given)) throw new InvalidArgumentError(`Expected a number or "${none}".`);
  return given;
}

function texts(value: string, before?: readonly string[] | typeof none): readonly string[] | typeof none {
  return value === none ? none : [...(Array.isArray(before) ? (before as readonly string[]) : []), value];
}
