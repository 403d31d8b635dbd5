import { z } from 'zod';
import { argumentsSchema, validateArguments } from '../agents/schema.ts';
import type { ToolSpec } from '../llm/ports.ts';
import type { MemoryOutcome, Source } from '../memory/events.ts';
import type { MemoryProposal } from '../memory/reconcile.ts';

/** Name of the tool by which the model stores memories inside its step. */
export const rememberTool = 'memory_remember';

const rememberInput = z.object({
  memories: z
    .array(
      z.object({
        kind: z.enum(['preference', 'fact', 'task_state', 'feedback', 'procedure']).default('fact'),
        subject: z.string().min(1).max(200).describe('Whom or what it is about, for example "user" or a name'),
        relation: z
          .string()
          .min(1)
          .max(100)
          .describe('snake_case, for example "prefers_contact"; "how_to" for a procedure'),
        value: z.string().max(2_000).describe('The value; for a procedure its goal'),
        text: z.string().min(1).max(8_000).describe('The memory as one self-contained sentence'),
      }),
    )
    .min(1)
    .max(50),
});

/** The memory tools as the model sees them. */
export const memoryToolSpecs: readonly ToolSpec[] = [
  {
    name: rememberTool,
    description:
      'Store things worth knowing in later conversations. All of them are stored together with your answer, or none. Use it when the user asks you to remember something.',
    parameters: argumentsSchema(rememberInput) ?? {},
  },
];

/** Turns the arguments of memory_remember into proposals. Throws InvalidArgumentsError or SyntaxError. */
export async function parseRemember(text: string, source: Source, validFrom: string): Promise<MemoryProposal[]> {
  const { memories } = await validateArguments(rememberTool, rememberInput, JSON.parse(text));
  return memories.map((memory) => ({ ...memory, action: 'assert', target: null, confidence: 0.9, validFrom, source }));
}

/** What the model is told about its write: one honest outcome per item. */
export function rememberResult(outcomes: readonly MemoryOutcome[]): string {
  return JSON.stringify({ memories: outcomes.map(({ outcome, text, reason }) => ({ outcome, text, reason })) });
}
