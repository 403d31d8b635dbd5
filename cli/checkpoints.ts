import type { Command } from 'commander';
import { ThreadNotFoundError } from '../client/client-errors.ts';
import { shorten } from '../memory/text.ts';
import { oneLine, table } from './format.ts';
import { explain, runCommand } from './run-command.ts';

/** Registers `checkpoints`: the points of a thread to go back to. */
export function registerCheckpoints(program: Command): void {
  explain(
    program
      .command('checkpoints <thread>')
      .description('list the checkpoints of a thread: its state after each step')
      .option('--branch <name>', 'line of history', 'main')
      .action((thread: string, { branch }: { branch: string }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const rows = await client.checkpoints.list({ thread, branch });
            // A thread whose first step is not done yet has no checkpoint; an unknown one is an error.
            if (rows.length === 0 && (await client.turns.list({ thread })).length === 0)
              throw new ThreadNotFoundError(thread);
            if (rows.length === 0) run.output.say(`Branch "${branch}" has no checkpoint yet.`);
            // The rows of the view have names of the database; what programs read keeps its own.
            const data = rows.map((row) => ({
              position: row.position,
              turn: row.turn,
              step: row.step,
              branch: row.branch,
              basePosition: row.base_position,
              model: row.model,
              requestedModel: row.requestedModel,
              modelOptions: row.modelOptions,
              codeVersion: row.code_version,
              buildId: row.buildId,
              workflowId: row.workflowId,
              runId: row.runId,
              promptHash: row.prompt_hash,
              promptTokens: row.prompt_tokens,
              recalled: row.recalled,
              memories: row.memories,
              inputTokens: row.input_tokens,
              outputTokens: row.output_tokens,
              finishReason: row.finish_reason,
              text: row.content,
              toolCalls: row.tool_calls,
            }));
            const text = table(
              ['POS', 'TURN', 'STEP', 'MODEL', 'CODE', 'PROMPT', 'TOKENS', 'RECALLED', 'DID'],
              data.map((row) => [
                String(row.position),
                oneLine(row.turn),
                String(row.step),
                oneLine(row.model),
                row.codeVersion,
                row.promptHash.slice(0, 12),
                `${row.inputTokens}+${row.outputTokens}`,
                String(row.recalled),
                row.finishReason === 'tool_calls' ? 'called tools' : shorten(oneLine(row.text ?? row.finishReason), 80),
              ]),
            );
            return { data, text: data.length === 0 ? '' : text };
          }, thread),
        ),
      ),
    {
      examples: ['checkpoints demo', 'state demo --at 12'],
      json: '[{position, turn, step, branch, basePosition, model, requestedModel, modelOptions, codeVersion, buildId, workflowId, runId, promptHash, promptTokens, recalled, memories, inputTokens, outputTokens, finishReason, text, toolCalls}]',
    },
  );
}
