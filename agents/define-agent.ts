import { checkApprovals, withApprovals } from './agent-approvals.ts';
import type { AgentApprovals } from './agent-approvals.ts';
import { fillLimits } from './agent-limits.ts';
import type { AgentLimits, FilledLimits } from './agent-limits.ts';
import { checkRecall } from './agent-recall.ts';
import type { AgentRecall } from './agent-recall.ts';
import { definitionChecks } from './definition-checks.ts';
import type { DefinitionChecks } from './definition-checks.ts';
import type { Tool } from './define-tool.ts';
import { defaultMemoryTools, memoryToolNames } from './memory-tool-names.ts';
import type { MemoryToolName } from './memory-tool-names.ts';
import { fillWrites } from './agent-writes.ts';
import type { AgentWrites } from './agent-writes.ts';
import type { WriteTiers } from '../memory/write-tiers.ts';
import { allAuto } from '../memory/write-tiers.ts';
import type { ExtractTrigger } from '../memory/extract-trigger.ts';
import type { OwnMemoryKind } from './define-memory-kind.ts';
import type { ToolSource } from './tool-source.ts';
import { builtInKinds } from '../memory/kinds.ts';
import type { BuiltInKind } from '../memory/kinds.ts';
import { isDefinition } from '../memory/recall/policy.ts';
import { changeModelOptions, findOptionFault } from '../memory/model-options.ts';
import type { ModelOptions } from '../memory/model-options.ts';
import { problemOf } from '../scrub/scrub.ts';
import type { ScrubPolicy } from '../scrub/scrub.ts';

/** A block of working memory an agent starts with. */
export interface AgentBlock {
  readonly label: string;
  /** What belongs there, for the model. */
  readonly description: string;
  readonly value: string;
  /** Upper bound in characters. @default 2000 */
  readonly limit?: number;
  /** The model may read it, not edit it. @default false */
  readonly readOnly?: boolean;
  /** Who sees what a turn writes there: this agent with its user, or every agent with that user. @default 'agent' */
  readonly sharedBy?: 'agent' | 'user';
}

/** Built-in kinds of what is extracted. */
export type MemoryKind = BuiltInKind;

/** How an agent remembers and recalls. */
export interface AgentMemory {
  /**
   * The tools of memory that the model is offered; their writes commit with the step. `true` = all of them, those of blocks only for an agent
   * that has `blocks`; `false` = none; or name them. @default true
   */
  readonly tools?: boolean | readonly MemoryToolName[];
  /** When turns are read for memories: each behind its reply, or later, in a thread's pauses, or when it is asked for (docs/memory.md). @default true */
  readonly extract?: ExtractTrigger;
  /** Who reads turns for memories: the agent's model, or fixed rules that need none (docs/memory.md). @default 'model' */
  readonly extractor?: 'model' | 'rules';
  /**
   * The kinds of memories that are kept of what extraction proposes: built-in ones by name, your own by what `defineMemoryKind` gives; others
   * show as rejected. @default all built-in ones (`builtInKinds`)
   */
  readonly kinds?: readonly (MemoryKind | OwnMemoryKind)[];
  /**
   * How many days memories of a kind are recalled after they were said; null = for ever. Fixed when they are written; nothing is deleted.
   * Given kinds change, the rest keeps its default. @default episodes for a year, everything else for ever
   */
  readonly ttl?: Readonly<Record<string, number | null>>;
  /** What is taken out of memories before they are stored; messages are the client's to scrub (docs/scrubbing.md). @default null: nothing */
  readonly scrub?: ScrubPolicy | null;
  /**
   * What happens to memories that extraction and the memory tools would like to write, all or by kind (docs/memory.md). Blocks have
   * `readOnly` for that. @default 'auto': they are written
   */
  readonly writes?: AgentWrites;
  /** Most memories recalled into a prompt. @default 8 */
  readonly recallLimit?: number;
  /** Most tokens of recalled memory in a prompt. @default 1200 */
  readonly recallTokens?: number;
  /** Most tokens of earlier messages in a prompt. @default 6000 */
  readonly messageTokens?: number;
  /** What may be recalled into a prompt, and how it is weighed. @default everything, by relevance */
  readonly recall?: AgentRecall;
  /** Have a summary stand for the oldest turns when a conversation outgrows `messageTokens`; else they are just left out. @default true */
  readonly compact?: boolean;
}

export interface AgentOptions {
  readonly name: string;
  readonly instructions: string;
  /** Model name; absent = the configured one (HOLDFAST_MODEL). */
  readonly model?: string;
  /** How the model is asked to answer in the steps of a turn; what is absent is left to its server. @default {} */
  readonly modelOptions?: ModelOptions;
  /** Blocks every prompt of this agent starts with, until a turn edits them. */
  readonly blocks?: readonly AgentBlock[];
  /** Tools of your own (`defineTool`), of MCP servers (`mcpTools`) and other agents (`agentTool`). */
  readonly tools?: readonly (Tool | ToolSource)[];
  readonly memory?: AgentMemory;
  /** When a person must look at calls, by tool (`*` = every other one), in place of the tools' own options. @default those */
  readonly approvals?: AgentApprovals;
  readonly limits?: AgentLimits;
  /** Ask the model for its words while it writes them, so that `turns.stream` can show them. @default true */
  readonly stream?: boolean;
}

/** An agent with every option filled in. */
export interface Agent {
  readonly name: string;
  readonly instructions: string;
  readonly model: string | null;
  /** Only what was given. */
  readonly modelOptions: ModelOptions;
  readonly blocks: readonly Required<AgentBlock>[];
  readonly tools: readonly Tool[];
  /** Where more tools come from once a worker runs; the worker adds them to `tools`. */
  readonly sources: readonly ToolSource[];
  readonly memory: FilledMemory;
  /** Applied to `tools` already; sources' tools get them as they come. */
  readonly approvals: AgentApprovals;
  readonly limits: FilledLimits;
  readonly stream: boolean;
}

/** How an agent remembers, with every option filled in. */
export type FilledMemory = Omit<Required<AgentMemory>, 'tools' | 'writes' | 'kinds'> & {
  readonly tools: readonly MemoryToolName[];
  /** Names of all kinds that are kept. */
  readonly kinds: readonly string[];
  /** Those of them that are the author's own. */
  readonly ownKinds: readonly OwnMemoryKind[];
  readonly writes: WriteTiers;
};

const memoryDefaults: Required<AgentMemory> = {
  tools: true,
  extract: true,
  extractor: 'model',
  kinds: builtInKinds,
  ttl: { episode: 365, preference: null, fact: null, task_state: null, feedback: null },
  scrub: null,
  writes: allAuto,
  recallLimit: 8,
  recallTokens: 1_200,
  messageTokens: 6_000,
  recall: {},
  compact: true,
};

/** Declares an agent. Throws InvalidDefinitionError AGENT_INVALID that names the option, what it must be and what was given. */
export function defineAgent(options: AgentOptions): Agent {
  const named: unknown = (options as Partial<AgentOptions> | undefined)?.name;
  const checks = definitionChecks(
    'AGENT_INVALID',
    typeof named === 'string' ? `agent "${named.slice(0, 80)}"` : 'an agent',
  );
  checks.object('', options);
  checks.known('', options, [
    'name',
    'instructions',
    'model',
    'modelOptions',
    'blocks',
    'tools',
    'memory',
    'approvals',
    'limits',
    'stream',
  ]);
  checks.text('name', named, { max: 100 });
  const {
    name,
    instructions,
    model = null,
    modelOptions = {},
    blocks = [],
    tools = [],
    memory = {},
    approvals = {},
    limits = {},
    stream = true,
  } = options;
  checks.text('instructions', instructions, { min: 0 });
  if (model !== null) checks.text('model', model, { max: 200 });
  const fault = findOptionFault(modelOptions);
  if (fault)
    checks.fail(fault.option === '' ? 'modelOptions' : `modelOptions.${fault.option}`, fault.expected, fault.given);
  checks.flag('stream', stream);
  const own = checkTools(tools, checks);
  checkApprovals(approvals, own, checks);
  return {
    name,
    instructions,
    model,
    modelOptions: changeModelOptions(modelOptions),
    blocks: fillBlocks(blocks, checks),
    tools: own.tools.map((tool) => withApprovals(tool, approvals)),
    sources: own.sources,
    approvals,
    memory: fillMemory(memory, checks, { hasBlocks: blocks.length > 0 }),
    limits: fillLimits(limits, model, checks),
    stream,
  };
}

function checkTools(given: readonly (Tool | ToolSource)[], checks: DefinitionChecks): Pick<Agent, 'tools' | 'sources'> {
  checks.list('tools', given);
  const tools: Tool[] = [];
  const sources: ToolSource[] = [];
  for (const [index, one] of given.entries()) {
    if (typeof one !== 'object' || (one as object | null) === null || !('execute' in one || 'kind' in one))
      checks.fail(`tools[${index}]`, 'what defineTool, mcpTools or agentTool gives', one);
    const others: readonly { readonly name: string }[] = 'execute' in one ? tools : sources;
    if (others.some(({ name }) => name === one.name))
      checks.fail(`tools[${index}]`, 'of another name than those before it', one.name);
    if ('execute' in one) tools.push(one);
    else sources.push(one);
  }
  return { tools, sources };
}

function fillBlocks(blocks: readonly AgentBlock[], checks: DefinitionChecks): Required<AgentBlock>[] {
  checks.list('blocks', blocks);
  const labels = new Set<string>();
  return blocks.map((block, index) => {
    const place = `blocks[${index}]`;
    checks.object(place, block);
    checks.known(place, block, ['label', 'description', 'value', 'limit', 'readOnly', 'sharedBy']);
    const { limit = 2_000, readOnly = false, sharedBy = 'agent' } = block;
    checks.flag(`${place}.readOnly`, readOnly);
    checks.oneOf(`${place}.sharedBy`, sharedBy, ['agent', 'user']);
    checks.text(`${place}.label`, block.label, { max: 200 });
    checks.text(`${place}.description`, block.description, { min: 0 });
    checks.count(`${place}.limit`, limit);
    checks.text(`${place}.value`, block.value, { min: 0, max: limit });
    if (labels.has(block.label)) checks.fail(`${place}.label`, 'another label than those before it', block.label);
    labels.add(block.label);
    return { ...block, limit, readOnly, sharedBy };
  });
}

function fillMemory(
  given: AgentMemory,
  checks: DefinitionChecks,
  agent: { readonly hasBlocks: boolean },
): FilledMemory {
  checks.object('memory', given);
  checks.known('memory', given, Object.keys(memoryDefaults));
  const memory = { ...memoryDefaults, ...given };
  const { tools } = memory;
  if (Array.isArray(tools))
    for (const [at, name] of tools.entries()) checks.oneOf(`memory.tools[${at}]`, name, memoryToolNames);
  else if (typeof tools !== 'boolean') checks.fail('memory.tools', 'true, false or a list of names', tools);
  checkTrigger(memory.extract, checks);
  checks.flag('memory.compact', memory.compact);
  if (!['model', 'rules'].includes(memory.extractor))
    checks.fail('memory.extractor', '"model" or "rules"', memory.extractor);
  const ownKinds = checkKinds(memory.kinds, checks);
  const own = ownKinds.map(({ name }) => name);
  const wrong = memory.scrub === null ? null : problemOf(memory.scrub);
  if (wrong !== null) checks.fail('memory.scrub', `a policy (${wrong})`, memory.scrub);
  checks.object('memory.ttl', memory.ttl);
  checks.known('memory.ttl', memory.ttl, [...Object.keys(memoryDefaults.ttl), ...own]);
  for (const [kind, days] of Object.entries(memory.ttl))
    if (days !== null) checks.count(`memory.ttl.${kind}`, days, { fraction: 'allowed' });
  for (const option of ['recallLimit', 'recallTokens', 'messageTokens'] as const)
    checks.count(`memory.${option}`, memory[option], { min: 0 });
  checkRecall(memory.recall, checks);
  const named = typeof tools === 'boolean' ? (tools ? defaultMemoryTools(agent) : []) : tools;
  return {
    ...memory,
    kinds: memory.kinds.map((kind) => (typeof kind === 'string' ? kind : kind.name)),
    ownKinds,
    ttl: { ...memoryDefaults.ttl, ...memory.ttl },
    writes: fillWrites(memory.writes, own, checks),
    tools: memoryToolNames.filter((name) => named.includes(name)),
  };
}

function checkTrigger(trigger: ExtractTrigger, checks: DefinitionChecks): void {
  if (typeof trigger === 'boolean' || trigger === 'manual') return;
  const expected = 'true, false, "manual" or { everyTurns, afterIdleMs }';
  if (typeof trigger !== 'object' || (trigger as object | null) === null)
    checks.fail('memory.extract', expected, trigger);
  checks.known('memory.extract', trigger, ['everyTurns', 'afterIdleMs']);
  const given = Object.entries(trigger).filter(([, value]) => (value as unknown) !== undefined);
  if (given.length === 0) checks.fail('memory.extract', expected, trigger);
  for (const [name, value] of given) checks.count(`memory.extract.${name}`, value);
}

/** The author's own kinds. A name by itself is a built-in one: a kind of one's own comes with its schema. */
function checkKinds(kinds: readonly (MemoryKind | OwnMemoryKind)[], checks: DefinitionChecks): OwnMemoryKind[] {
  checks.list('memory.kinds', kinds);
  const own: OwnMemoryKind[] = [];
  for (const [at, kind] of kinds.entries()) {
    const place = `memory.kinds[${at}]`;
    if (!isDefinition(kind)) {
      const expected = `${builtInKinds.map((one) => JSON.stringify(one)).join(' or ')}, or what defineMemoryKind gives`;
      if (!(builtInKinds as readonly unknown[]).includes(kind)) checks.fail(place, expected, kind);
      continue;
    }
    const given = kind as OwnMemoryKind;
    if (own.some(({ name }) => name === given.name))
      checks.fail(place, 'of another name than those before it', given.name);
    own.push(given);
  }
  return own;
}

/** What a `holdfast.config.ts` exports as default. */
export interface HoldfastConfig {
  readonly agents: readonly Agent[];
}

/** Gives the configuration back, typed; for the default export of `holdfast.config.ts`. */
export function defineConfig(config: HoldfastConfig): HoldfastConfig {
  return config;
}
