import { definitionChecks } from './definition-checks.ts';
import type { DefinitionChecks } from './definition-checks.ts';
import { argumentsSchema } from './schema.ts';
import type { InputSchema, JsonSchema } from './schema.ts';
import { problemOf } from '../scrub/scrub.ts';
import type { ScrubPolicy } from '../scrub/scrub.ts';

/** What a tool knows about the call it serves. */
export interface ToolContext {
  /**
   * Names this one effect: the same in every retry, after every crash. Hand it to the outside system as its idempotency key.
   */
  readonly effectKey: string;
  readonly tenant: string;
  readonly thread: string;
  readonly turn: string;
  readonly user: string | null;
  /** Aborts when the turn is cancelled or the tool's time is up. */
  readonly signal: AbortSignal;
}

/** Whether a call needs a person: never, always, or decided from its arguments (a string is the reason shown to the person). */
export type ApprovalPolicy<Input> = 'never' | 'always' | ((input: Input) => string | false);

/** What an escalation tells: references, and who is asked. */
export interface EscalationNotice {
  readonly approval: string;
  readonly tenant: string;
  readonly thread: string;
  readonly turn: string;
  readonly tool: string;
  readonly to: string;
  readonly deadline: Date;
}

/** Who is asked when nobody has decided in time. */
export interface Escalation {
  /** A person, a group, a rota: as your people know it. Recorded, not enforced. */
  readonly to: string;
  /** How long they have before the call is rejected, in milliseconds. */
  readonly timeoutMs: number;
  /** Tells them. Called at least once; a failure is logged and changes nothing. @default nobody is told */
  readonly notify?: (notice: EscalationNotice) => unknown;
}

export interface ToolOptions<Input> {
  /** Letters, digits, `_` and `-`; unique in the agent. */
  readonly name: string;
  /** What it does and when to use it, for the model. */
  readonly description: string;
  readonly input: InputSchema<Input>;
  /** JSON Schema of the arguments, for the model. @default the one `input` gives; needed where its library gives none */
  readonly parameters?: JsonSchema;
  /** What the tool gives back; a result that does not fit is a failure the model is told of. @default anything */
  readonly output?: InputSchema;
  /** @default 'never' */
  readonly approval?: ApprovalPolicy<Input>;
  /** How long a requested approval may wait, in milliseconds. @default 86400000 (24 h) */
  readonly approvalTimeoutMs?: number;
  /** What happens then: the call is rejected, or somebody else is asked. @default 'reject' */
  readonly onApprovalTimeout?: 'reject' | Escalation;
  /** How much harm a call could do; shown to whoever decides. @default 'medium' */
  readonly risk?: 'low' | 'medium' | 'high';
  /**
   * True when running it twice with one effect key does no harm (reads, or systems that honour idempotency keys). Others are
   * never run again after a crash in the middle: the model is told that the outcome is unknown. @default false
   */
  readonly repeatable?: boolean;
  /**
   * Whose words its results are: a system of your own whose data you vouch for, or anybody's (a web page, a mailbox, a search). What is
   * remembered of an external one ends nothing that the user said. @default 'external'
   */
  readonly trust?: 'internal' | 'external';
  /** @default 30000 */
  readonly timeoutMs?: number;
  /** Longest result that is kept, in characters; the rest is cut, and the result says so. @default 65536 */
  readonly maxResultLength?: number;
  /** What is taken out of its results, and of what it throws, before anything is stored and the model reads them. @default null: nothing */
  readonly scrub?: ScrubPolicy | null;
  /** Its result goes to the model as text: strings as they are, everything else as JSON. */
  readonly execute: (input: Input, context: ToolContext) => unknown;
}

/** A tool with every option filled in. */
export type Tool = Required<Omit<ToolOptions<never>, 'output'>> & {
  readonly output: InputSchema | null;
  /** The agent that is asked by this tool (`agentTool`), else null. */
  readonly subAgent: { readonly agent: string; readonly wait: boolean } | null;
};

const options = [
  ...['name', 'description', 'input', 'parameters', 'output', 'approval', 'approvalTimeoutMs', 'repeatable'],
  ...['timeoutMs', 'maxResultLength', 'execute', 'onApprovalTimeout', 'risk', 'trust', 'scrub'],
];

/** Declares a tool. Throws InvalidDefinitionError TOOL_INVALID that names the option, what it must be and what was given. */
export function defineTool<Input>(given: ToolOptions<Input>): Tool {
  const named: unknown = (given as Partial<ToolOptions<Input>> | undefined)?.name;
  const checks = definitionChecks(
    'TOOL_INVALID',
    typeof named === 'string' ? `tool "${named.slice(0, 80)}"` : 'a tool',
  );
  checks.object('', given);
  checks.known('', given, options);
  if (typeof named !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(named) || named.endsWith('\n'))
    checks.fail(
      'name',
      '1 to 64 letters, digits, "_" or "-"',
      named,
      'Rename the tool: model APIs refuse other names.',
    );
  const tool = {
    approval: 'never' as const,
    approvalTimeoutMs: 86_400_000,
    onApprovalTimeout: 'reject' as const,
    risk: 'medium' as const,
    repeatable: false,
    trust: 'external' as const,
    timeoutMs: 30_000,
    maxResultLength: 65_536,
    output: null,
    scrub: null,
    subAgent: null,
    ...given,
    parameters: parametersOf(given, checks),
  };
  checks.text('description', tool.description, { max: 20_000 });
  checkApproval(tool, checks);
  checks.flag('repeatable', tool.repeatable);
  checks.oneOf('trust', tool.trust, ['internal', 'external']);
  checks.count('timeoutMs', tool.timeoutMs);
  checks.count('maxResultLength', tool.maxResultLength, { min: 100 });
  const wrong = tool.scrub === null ? null : problemOf(tool.scrub);
  if (wrong !== null) checks.fail('scrub', `a policy (${wrong})`, tool.scrub);
  checks.fn('execute', tool.execute);
  if (tool.output !== null && !isSchema(tool.output))
    checks.fail('output', 'a Standard Schema (zod, Valibot, ArkType, or an object with "~standard")', tool.output);
  // Tools of different inputs live in one list; every call validates with the tool's own schema before it touches `execute`.
  return tool as unknown as Tool;
}

/** Checks the options about approvals, of a tool or of an agent's rules for one (then with the place before their names). */
export function checkApproval(
  given: { approval: unknown; approvalTimeoutMs: number; onApprovalTimeout: 'reject' | Escalation; risk: string },
  checks: DefinitionChecks,
  place = '',
): void {
  if (given.approval !== 'never' && given.approval !== 'always' && typeof given.approval !== 'function')
    checks.fail(`${place}approval`, '"never", "always" or a function of the arguments', given.approval);
  checks.count(`${place}approvalTimeoutMs`, given.approvalTimeoutMs);
  checks.oneOf(`${place}risk`, given.risk, ['low', 'medium', 'high']);
  if (given.onApprovalTimeout !== 'reject')
    checkEscalation(given.onApprovalTimeout, checks, `${place}onApprovalTimeout`);
}

function checkEscalation(escalation: Escalation, checks: DefinitionChecks, option: string): void {
  checks.object(option, escalation);
  checks.known(option, escalation, ['to', 'timeoutMs', 'notify']);
  checks.text(`${option}.to`, escalation.to, { max: 200 });
  checks.count(`${option}.timeoutMs`, escalation.timeoutMs);
  if (escalation.notify !== undefined) checks.fn(`${option}.notify`, escalation.notify);
}

/** The JSON Schema of the arguments, made once: every step sends it. */
function parametersOf<Input>({ input, parameters }: ToolOptions<Input>, checks: DefinitionChecks): JsonSchema {
  if (!isSchema(input))
    checks.fail('input', 'a Standard Schema (zod, Valibot, ArkType, or an object with "~standard")', input);
  const schema = parameters ?? fromLibrary(input, checks);
  if (schema === undefined) {
    const next = `Give \`parameters\`, or a schema whose library makes one (zod ≥ 4.2, Valibot ≥ 1.2, ArkType ≥ 2.1.28).`;
    checks.fail('parameters', 'the JSON Schema of the arguments, which `input` does not give', parameters, next);
  }
  checks.object('parameters', schema);
  if (schema['type'] !== 'object')
    checks.fail('input', 'a schema of an object: models give arguments by name', schema['type']);
  return schema;
}

function fromLibrary(input: InputSchema, checks: DefinitionChecks): JsonSchema | undefined {
  try {
    return argumentsSchema(input);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return checks.fail(
      'input',
      `a schema that JSON Schema can say (${why})`,
      input,
      'Use plain types, or give `parameters`.',
    );
  }
}

function isSchema(value: unknown): value is InputSchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || !('~standard' in value))
    return false;
  const standard = value['~standard'];
  return (
    typeof standard === 'object' &&
    standard !== null &&
    'validate' in standard &&
    typeof standard.validate === 'function'
  );
}
