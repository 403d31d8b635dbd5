import type { HoldfastClient, TurnResult } from '../client/index.ts';
import type { ApprovalRow, TurnRow } from '../projections/threads/queries.ts';
import { bold, dim, indent, oneLine, plain, statusColour, time } from './format.ts';
import { commandLine } from './invocation.ts';
import type { Answer } from './output.ts';
import { CommandFailedError } from './output.ts';

/** What `send` and `chat` know of a turn after waiting for it. */
export interface AnsweredTurn {
  readonly turn: TurnResult;
  /** The approvals it waits for. */
  readonly approvals: readonly ApprovalRow[];
  /** The open turn of the branch that it is queued behind, if there is one. */
  readonly behind: TurnRow | null;
}

/** Adds what a turn waits for. */
export async function withApprovals(client: HoldfastClient, turn: TurnResult): Promise<AnsweredTurn> {
  const approvals = turn.waitingFor.length === 0 ? [] : await client.approvals.list({ turn: turn.turn, pending: true });
  return { turn, approvals, behind: turn.status === 'running' ? await turnBefore(client, turn) : null };
}

/** The turn that must end before this one can begin, or null. */
export async function turnBefore(
  client: HoldfastClient,
  { thread, branch, position }: TurnRow,
): Promise<TurnRow | null> {
  const open = (await client.turns.list({ thread, branch })).filter(
    (other) => other.position < position && (other.status === 'running' || other.status === 'waiting'),
  );
  // Of a whole queue, the one that a person can do something about.
  return open.find(({ status }) => status === 'waiting') ?? open.at(-1) ?? null;
}

/** The reply of a turn, or what it waits for. Throws CommandFailedError when there is neither: it failed, or still runs. */
export function answerOf({ turn, approvals, behind }: AnsweredTurn): Answer {
  const data = { ...turn, approvals };
  switch (turn.status) {
    case 'completed':
      return { data, text: plain(turn.reply ?? '') };
    case 'waiting':
      return { data, text: approvals.map(approvalText).join('\n\n') };
    case 'running':
      throw new CommandFailedError(
        'TURN_STILL_RUNNING',
        behind
          ? `Turn "${turn.turn}" has not begun: turn "${behind.turn}" before it is still ${behind.status}.`
          : `Turn "${turn.turn}" has no reply yet; it goes on without us.`,
        behind?.status === 'waiting'
          ? 'Decide its approval: `holdfast approvals ls`.'
          : `Look at it with \`${commandLine('threads', turn.thread)}\`; \`holdfast doctor\` tells whether a worker runs.`,
        { data, text: '' },
      );
    case 'failed':
    case 'aborted':
      throw new CommandFailedError(
        turn.status === 'failed' ? 'TURN_FAILED' : 'TURN_ABORTED',
        `Turn "${turn.turn}" ${turn.status}: ${[turn.code, turn.detail].filter((part) => part !== null).join(': ')}`,
        `See what led to it with \`${commandLine('why', turn.turn)}\`, then send the message again.`,
        { data, text: '' },
      );
  }
}

/** An approval with what it asks, how it was decided, or the commands that decide it. */
export function approvalText(approval: ApprovalRow): string {
  const { decision } = approval;
  const lines = [
    `${bold(`approval ${approval.approval}`)}  ${statusColour(approvalStatus(approval))}`,
    ...indent(
      [
        `asks       ${oneLine(approval.reason)}`,
        `tool       ${approval.tool} ${plain(JSON.stringify(approval.arguments))}`,
        `turn       ${approval.turn} of thread ${oneLine(approval.thread)}`,
        `risk       ${approval.risk}`,
        ...(approval.escalatedTo === null
          ? []
          : [`passed on  to ${oneLine(approval.escalatedTo)}, as nobody had decided`]),
        ...(decision
          ? [`decided    ${decisionText(approval)}`]
          : [
              `deadline   ${time(approval.deadline)}, then ${approval.onTimeout === 'escalate' && approval.escalatedTo === null ? 'somebody else is asked' : 'rejected'}`,
            ]),
      ].join('\n'),
      '  ',
    ).split('\n'),
  ];
  if (decision || approval.turnEnded) return lines.join('\n');
  const { approval: id } = approval;
  return [
    ...lines,
    '',
    dim('  Decide with one of'),
    `    ${commandLine('approvals', 'approve', id)}`,
    `    ${commandLine('approvals', 'edit', id, '--args', plain(JSON.stringify(approval.arguments)))}`,
    `    ${commandLine('approvals', 'reject', id, '--reason', 'why not')}`,
  ].join('\n');
}

/** One word for how an approval stands. */
export function approvalStatus({ decision, turnEnded }: ApprovalRow): string {
  if (decision) return decision.timedOut ? 'timed_out' : decision.decision;
  return turnEnded ? 'ended' : 'pending';
}

/** Who decided what, and why. */
export function decisionText({ decision }: ApprovalRow): string {
  if (!decision) return 'not decided';
  const verb = { approve: 'approved', edit: 'edited', respond: 'answered', reject: 'rejected' }[decision.decision];
  const how = [
    decision.decision === 'edit' ? `to ${plain(JSON.stringify(decision.arguments))}` : null,
    decision.message === null ? null : `with "${oneLine(decision.message)}"`,
    decision.remember === null ? null : 'for the whole thread',
    decision.reason === null ? null : `because: ${oneLine(decision.reason)}`,
  ].filter((part) => part !== null);
  if (decision.timedOut) return 'rejected, as nobody decided in time';
  return [`${verb} by ${oneLine(decision.actor)}`, ...how].join(' ');
}
