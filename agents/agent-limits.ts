import type { DefinitionChecks } from './definition-checks.ts';

/** What a model costs, in US dollars per million tokens. */
export interface ModelPrice {
  readonly inputPerMillion: number;
  readonly outputPerMillion: number;
}

/**
 * Guards on one turn. A final reply always stands; a turn that wants to go on past a guard fails with the guard's code, and the
 * thread goes on. Tool calls of the step that went past it are not started.
 */
export interface AgentLimits {
  /** Model calls per turn (LIMIT_STEPS). @default 40 */
  readonly maxSteps?: number;
  /** Tool calls per turn, those of memory tools included (LIMIT_TOOL_CALLS). @default 100 */
  readonly maxToolCalls?: number;
  /** Tokens in and out of the model per turn (LIMIT_TOKENS), those of agents that it asked and waited for included; estimated where the server counts none. @default none */
  readonly maxTokens?: number;
  /** Cost of the model per turn in US dollars, by `prices` (LIMIT_COST); of agents that it asked and waited for by their prices. @default none */
  readonly maxCostUsd?: number;
  /** Price of each model by the name it is asked for under; needed with `maxCostUsd`. @default {} */
  readonly prices?: Readonly<Record<string, ModelPrice>>;
  /**
   * Milliseconds of work per turn (LIMIT_WALL_TIME), waiting for people and for earlier turns not counted. A model or tool call that
   * runs into it is given up. @default none
   */
  readonly maxWallMs?: number;
  /** How deep agents may call agents; 0 = not at all (LIMIT_DEPTH). @default 3 */
  readonly maxDepth?: number;
}

/** Limits with every option filled in; null = none. */
export interface FilledLimits {
  readonly maxSteps: number;
  readonly maxToolCalls: number;
  readonly maxTokens: number | null;
  readonly maxCostUsd: number | null;
  readonly prices: Readonly<Record<string, ModelPrice>>;
  readonly maxWallMs: number | null;
  readonly maxDepth: number;
}

const defaults: FilledLimits = {
  maxSteps: 40,
  maxToolCalls: 100,
  maxTokens: null,
  maxCostUsd: null,
  prices: {},
  maxWallMs: null,
  maxDepth: 3,
};

/** Fills in and checks limits. `model` is the one the agent names, or null. Throws InvalidDefinitionError. */
export function fillLimits(given: AgentLimits, model: string | null, checks: DefinitionChecks): FilledLimits {
  checks.object('limits', given);
  checks.known('limits', given, Object.keys(defaults));
  const limits = { ...defaults, ...given };
  checks.count('limits.maxSteps', limits.maxSteps);
  checks.count('limits.maxToolCalls', limits.maxToolCalls, { min: 0 });
  checks.count('limits.maxDepth', limits.maxDepth, { min: 0 });
  if (limits.maxTokens !== null) checks.count('limits.maxTokens', limits.maxTokens);
  if (limits.maxWallMs !== null) checks.count('limits.maxWallMs', limits.maxWallMs);
  for (const [name, price] of Object.entries(limits.prices)) {
    const place = `limits.prices["${name}"]`;
    checks.object(place, price);
    checks.known(place, price, ['inputPerMillion', 'outputPerMillion']);
    for (const part of ['inputPerMillion', 'outputPerMillion'] as const) {
      const value: unknown = price[part];
      if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
        checks.fail(`${place}.${part}`, 'US dollars per million tokens, 0 or more', value);
    }
  }
  if (limits.maxCostUsd === null) return limits;
  checks.count('limits.maxCostUsd', limits.maxCostUsd, { fraction: 'allowed' });
  const isPriced = model === null ? Object.keys(limits.prices).length > 0 : model in limits.prices;
  if (!isPriced) {
    const wanted = model === null ? 'every model the agent may use' : `"${model}"`;
    checks.fail('limits.prices', `given for ${wanted}, as maxCostUsd needs it`, Object.keys(limits.prices));
  }
  return limits;
}
