import type { Command } from 'commander';
import type { ExplainedItem, ExplainedStep, ExplainedTurn } from '../client/index.ts';
import { shorten } from '../memory/text.ts';
import { bold, dim, indent, oneLine, plain, statusColour, time } from './format.ts';
import { modelOptionsText } from './model-options.ts';
import { explain, runCommand } from './run-command.ts';

/** Registers `why`: what each model call of a turn got, and why. */
export function registerWhy(program: Command): void {
  explain(
    program
      .command('why <turn>')
      .description('explain a turn: what was recalled and why, what was sent, what came of it')
      .option('--prompt', 'show the prompt of every step as it was sent')
      .action((turn: string, { prompt = false }: { prompt?: boolean }, command: Command) =>
        runCommand(command, (run) =>
          run.withClient(async (client) => {
            const explained = await client.turns.explain(turn);
            return { data: explained, text: whyText(explained, { prompt }) };
          }, turn),
        ),
      ),
    {
      examples: ['why refund-1', 'why refund-1 --prompt'],
      json: '{turn, usage: {tokens, costUsd, children: {tokens, costUsd}}, steps: [{step, position, basePosition, model, modelOptions, text, toolCalls, retrieval: {query, items, …} or null, prompt, tools, promptHash, promptMatches, forgotten}], events, extraction: {status, outcomes, detail} or null}',
    },
  );
}

/** The explanation for people. */
export function whyText(
  { turn, usage, steps, events, extraction }: ExplainedTurn,
  { prompt }: { prompt: boolean },
): string {
  const lines = [
    `${bold(`turn ${oneLine(turn.turn)}`)}  ${statusColour(turn.status)}  thread ${oneLine(turn.thread)}, agent ${turn.agent}, ${time(turn.occurredAt)}`,
    `  ${oneLine(turn.user ?? 'user')}: ${shorten(oneLine(turn.message), 500)}`,
  ];
  for (const step of steps) {
    lines.push('', ...stepLines(step, { prompt }));
    for (const event of events) {
      if (event.type !== 'ToolCompleted' || event.data.step !== step.step) continue;
      const { tool, outcome, arguments: given, result, durationMs } = event.data;
      lines.push(
        `  ${bold('tool')}    ${tool} ${plain(JSON.stringify(given))}`,
        `          ${statusColour(outcome)} in ${durationMs} ms: ${shorten(oneLine(result), 400)}`,
      );
    }
  }
  lines.push('', `  ${bold('used')}    ${usageText(usage)}`);
  if (turn.code !== null) lines.push('', `  ${bold('ended')}   ${turn.code}: ${oneLine(turn.detail ?? '')}`);
  lines.push('', bold('remembered afterwards'));
  if (!extraction) lines.push(dim('  extraction has not ended, or the agent has none'));
  else if (extraction.status !== 'completed' && extraction.detail !== null)
    lines.push(`  ${statusColour('failed')} ${oneLine(extraction.detail)}`);
  else if (extraction.outcomes.length === 0) lines.push(dim('  nothing'));
  for (const { outcome, text, reason } of extraction?.outcomes ?? [])
    lines.push(`  ${outcome.padEnd(11)} ${oneLine(text)} ${dim(oneLine(reason))}`);
  return lines.join('\n');
}

function usageText({ children, ...usage }: ExplainedTurn['usage']): string {
  const text = ({ tokens, costUsd }: typeof children): string =>
    `${tokens} tokens${costUsd === 0 ? '' : ` for $${costUsd}`}`;
  return `${text(usage)}${children.tokens === 0 ? '' : `, of which agents that it asked: ${text(children)}`}`;
}

function stepLines(step: ExplainedStep, { prompt }: { prompt: boolean }): string[] {
  const matches = step.forgotten
    ? 'words of it were forgotten, so it cannot be compared with the record'
    : step.promptMatches
      ? `the prompt matches the record (${step.promptHash.slice(0, 12)})`
      : statusColour('no').replace('no', 'the prompt does NOT match the record');
  const lines = [
    `${bold(`step ${step.step}`)}  position ${step.position}, memory read at ${step.basePosition}, model ${[step.model, modelOptionsText(step.modelOptions)].filter(Boolean).join(', ')}`,
    `  ${bold('prompt')}  ${step.prompt.length} messages, ${step.tools.length} tools; ${matches}`,
  ];
  if (prompt) {
    for (const message of step.prompt) {
      const calls = 'toolCalls' in message ? (message.toolCalls ?? []) : [];
      const content = [
        ...(message.content === null || message.content === '' ? [] : [plain(message.content)]),
        ...calls.map((call) => `${call.name} ${plain(call.arguments)}`),
      ];
      lines.push(dim(`    ── ${message.role}`), indent(content.join('\n')));
    }
  }
  lines.push(...recallLines(step));
  for (const call of step.toolCalls) lines.push(`  ${bold('calls')}   ${call.name} ${plain(call.arguments)}`);
  if (step.text !== null && step.text !== '') lines.push(`  ${bold('says')}    ${shorten(oneLine(step.text), 1000)}`);
  return lines;
}

function recallLines({ retrieval }: ExplainedStep): string[] {
  if (!retrieval) return [`  ${bold('recall')}  ${dim('none in this step')}`];
  const injected = retrieval.items.filter(({ rejected }) => rejected === null);
  const rejected = retrieval.items.filter((item) => item.rejected !== null);
  const channels = Object.entries(retrieval.channels).map(([name, found]) => `${name} found ${found}`);
  const lines = [
    `  ${bold('recall')}  ${injected.length} injected (${retrieval.tokens} tokens), ${rejected.length} left out; ${channels.join(', ')}; ${retrieval.durationMs} ms`,
    ...retrieval.degraded.map((what) => `          ${statusColour('degraded')} ${oneLine(what)}`),
  ];
  for (const item of injected)
    lines.push(`    [${item.label ?? ''}] ${shorten(oneLine(item.text), 300)}`, dim(`        ${reasonOf(item)}`));
  for (const item of rejected)
    lines.push(
      dim(`    –    ${shorten(oneLine(item.text), 120)}`),
      dim(`        left out: ${item.rejected ?? ''}; ${reasonOf(item)}`),
    );
  return lines;
}

function reasonOf({ kind, trust, score, reason, thread, turn }: ExplainedItem): string {
  return `${kind}${trust === undefined ? '' : ` (${trust})`}, score ${score.toFixed(4)}: ${reason}; from turn ${oneLine(turn)} of thread ${oneLine(thread)}`;
}
