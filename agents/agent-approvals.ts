import { checkApproval } from './define-tool.ts';
import type { Tool, ToolOptions } from './define-tool.ts';
import type { DefinitionChecks } from './definition-checks.ts';
import type { ToolSource } from './tool-source.ts';

/** When a person must look at the calls of one tool; as the tool's own options, of which these take the place. */
export type ApprovalRules = Partial<
  Pick<ToolOptions<Readonly<Record<string, unknown>>>, 'approval' | 'approvalTimeoutMs' | 'onApprovalTimeout' | 'risk'>
>;

/** What an agent's tools ask a person about, by tool; `*` = every tool that is not named. */
export type AgentApprovals = Readonly<Record<string, ApprovalRules>>;

/** Checks an agent's approvals: a rule for a tool that is not there is a rule that does not hold. Throws InvalidDefinitionError. */
export function checkApprovals(
  approvals: AgentApprovals,
  { tools, sources }: { readonly tools: readonly Tool[]; readonly sources: readonly ToolSource[] },
  checks: DefinitionChecks,
): void {
  checks.object('approvals', approvals);
  for (const [name, rules] of Object.entries(approvals)) {
    const place = `approvals["${name}"]`;
    const isKnown =
      name === '*' ||
      tools.some((tool) => tool.name === name) ||
      sources.some((source) => name.startsWith(`${source.name}_`));
    if (!isKnown)
      checks.fail(place, `for a tool of the agent (${tools.map((tool) => tool.name).join(', ') || 'none'})`, name);
    checks.object(place, rules);
    checks.known(place, rules, ['approval', 'approvalTimeoutMs', 'onApprovalTimeout', 'risk']);
    checkApproval(
      { approval: 'never', approvalTimeoutMs: 1, onApprovalTimeout: 'reject', risk: 'low', ...rules },
      checks,
      `${place}.`,
    );
  }
}

/** A tool as one agent has it: by the agent's rules where it has some, else as it was declared. */
export function withApprovals(tool: Tool, approvals: AgentApprovals): Tool {
  const rules = approvals[tool.name] ?? approvals['*'];
  return rules === undefined ? tool : { ...tool, ...rules };
}
