import type { Command } from 'commander';
import type { Rerun, RerunReply } from '../client/index.ts';
import type { Config } from '../config/config.ts';
import { usesDemoModel } from '../config/config.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import type { ChatModel } from '../llm/ports.ts';
import { demoModelUrl } from './doctor-checks.ts';
import { readInstructions } from './fork.ts';
import { bold, dim, oneLine, plain } from './format.ts';
import { addModelOptions, modelOptionsOf, modelOptionsText } from './model-options.ts';
import type { ModelFlags } from './model-options.ts';
import { explain, runCommand, wholeNumber } from './run-command.ts';

interface RerunOptions extends ModelFlags {
  readonly model?: string;
  readonly instructionsFile?: string;
  readonly message?: string;
  readonly record?: string | true;
}

/** Registers `rerun-step`: one recorded model call once more. */
export function registerRerunStep(program: Command): void {
  explain(
    addModelOptions(program.command('rerun-step'))
      .description('make one recorded model call again, in isolation, and show both replies')
      .argument('<turn>')
      .argument('<step>', 'number of the model call, from 1', wholeNumber(1))
      .option('--model <name>', 'ask another model')
      .option('--instructions-file <file>', 'with other instructions')
      .option('--message <text>', 'with another message of the user')
      .option('--record [key]', 'append the reply to the log as a StepRerun event; the key makes it once')
      .action((turn: string, step: number, options: RerunOptions, command: Command) =>
        runCommand(command, async (run) => {
          const { model, instructionsFile, message, record } = options;
          const instructions = instructionsFile === undefined ? undefined : await readInstructions(instructionsFile);
          const chat = await modelOf(run.config);
          return run.withClient(async (client) => {
            const rerun = await client.checkpoints.rerunStep({
              ...{ turn, step, model: chat },
              change: {
                ...(model === undefined ? {} : { model }),
                ...modelOptionsOf(options),
                ...(message === undefined ? {} : { message }),
                ...(instructions === undefined ? {} : { instructions }),
              },
              ...(record === undefined ? {} : { record: { key: record === true ? crypto.randomUUID() : record } }),
            });
            return { data: rerun, text: rerunText(rerun) };
          }, turn);
        }),
      ),
    {
      examples: [
        'rerun-step refund-1 2 --model gpt-4.1',
        'rerun-step refund-1 2 --temperature 0 --seed 7',
        'rerun-step refund-1 1 --instructions-file shorter.txt --json',
        'rerun-step refund-1 1 --message "Hello" --record try-1',
      ],
      json: '{turn, step, before: {model, modelOptions, promptHash, text, toolCalls, finishReason, usage}, after, prompt, position}',
    },
  );
}

/** The model of the environment, or of the local stack. Throws HoldfastError NOT_CONNECTED when there is none. */
async function modelOf(config: Config): Promise<ChatModel> {
  const baseUrl = usesDemoModel(config)
    ? await demoModelUrl(config)
    : (config.model.baseUrl ?? 'https://api.openai.com/v1');
  if (baseUrl === null) {
    throw new HoldfastError('NOT_CONNECTED', 'There is no model to ask.', {
      hint: 'Set OPENAI_API_KEY or OPENAI_BASE_URL, or start the local stack with `npm run dev`.',
    });
  }
  const { createOpenAiModel } = await import('../llm/openai-model.ts');
  return createOpenAiModel({ baseUrl, apiKey: config.model.apiKey ?? 'none', timeoutMs: config.model.timeoutMs });
}

function rerunText({ turn, step, before, after, position }: Rerun): string {
  const same = before.text === after.text && JSON.stringify(before.toolCalls) === JSON.stringify(after.toolCalls);
  return [
    `${bold(`step ${step} of turn ${oneLine(turn)}`)} ${dim(same ? 'the same reply' : 'another reply')}`,
    besideEachOther(['before', ...lines(before)], ['now', ...lines(after)]),
    ...(position === null ? [] : [dim(`recorded at position ${position}`)]),
  ].join('\n');
}

function lines({ model, modelOptions, text, toolCalls, usage }: RerunReply): string[] {
  const asked = modelOptionsText(modelOptions);
  return [
    `${model}, ${usage.inputTokens}+${usage.outputTokens} tokens`,
    ...(asked === '' ? [] : [asked]),
    ...(text === null ? [] : text.split('\n')),
    ...toolCalls.map(({ name, arguments: given }) => `calls ${name}(${given})`),
  ];
}

/** Two columns, each half as wide as the terminal (of 120 characters where there is none). */
function besideEachOther(left: readonly string[], right: readonly string[]): string {
  const width = Math.max(20, Math.floor(((process.stdout.isTTY ? process.stdout.columns : 120) - 3) / 2));
  const wrap = (text: string): string[] => plain(text).match(new RegExp(`.{1,${width}}`, 'gu')) ?? [''];
  const [a, b] = [left.flatMap(wrap), right.flatMap(wrap)];
  return Array.from({ length: Math.max(a.length, b.length) }, (_, n) =>
    `${(a[n] ?? '').padEnd(width)} │ ${b[n] ?? ''}`.trimEnd(),
  ).join('\n');
}
