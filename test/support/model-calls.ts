import type { DemoModel } from '../../llm/demo-model/server.ts';

interface ChatBody {
  readonly messages: readonly { readonly role: string; readonly content?: string | null }[];
  readonly response_format?: unknown;
  readonly [option: string]: unknown;
}

/** Chat requests a demo model got, as they were sent. */
export function chatBodies(model: DemoModel): ChatBody[] {
  return model
    .recorded()
    .filter(({ path }) => path === '/v1/chat/completions')
    .map(({ body }) => body as ChatBody);
}

/** How often the model was asked about a message: by steps of its turn, and by its extraction. */
export function callsAbout(model: DemoModel, message: string): { steps: number; extractions: number } {
  const counts = { steps: 0, extractions: 0 };
  for (const { messages, response_format: format } of chatBodies(model)) {
    const said = messages.findLast(({ role }) => role === 'user')?.content ?? '';
    if (format === undefined && said === message) counts.steps += 1;
    else if (format !== undefined && said.includes(JSON.stringify(message).slice(1, -1))) counts.extractions += 1;
  }
  return counts;
}
