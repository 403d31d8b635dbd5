/** What an agent's author needs: agents, tools and the configuration file. */
export { defineAgent, defineConfig } from './define-agent.ts';
export type {
  Agent,
  AgentBlock,
  AgentMemory,
  AgentOptions,
  FilledMemory,
  HoldfastConfig,
  MemoryKind,
} from './define-agent.ts';
export type { AgentApprovals, ApprovalRules } from './agent-approvals.ts';
export type { AgentRecall } from './agent-recall.ts';
export type { AgentLimits, FilledLimits, ModelPrice } from './agent-limits.ts';
export { agentTool } from './agent-tool.ts';
export type { AgentQuestion, AgentToolOptions } from './agent-tool.ts';
export { InvalidDefinitionError } from './definition-checks.ts';
export { defineMemoryKind } from './define-memory-kind.ts';
export type { MemoryKindOptions, OwnMemoryKind } from './define-memory-kind.ts';
export { builtInKinds } from '../memory/kinds.ts';
export { defineTool } from './define-tool.ts';
export type { ApprovalPolicy, Escalation, EscalationNotice, Tool, ToolContext, ToolOptions } from './define-tool.ts';
export type { ExtractTrigger } from '../memory/extract-trigger.ts';
export type { ModelOptions, ReasoningEffort } from '../memory/model-options.ts';
export type { MemoryToolName } from './memory-tool-names.ts';
export { mcpTools } from './mcp-tools.ts';
export type { McpArguments, McpOptions, McpToolPolicy } from './mcp-tools.ts';
export type { OpenToolSource, ToolSource, ToolSourceObserver } from './tool-source.ts';
export { InvalidArgumentsError } from './schema.ts';
export type { InputSchema, JsonSchema } from './schema.ts';
