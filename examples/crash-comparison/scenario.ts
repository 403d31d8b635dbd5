import OpenAI from 'openai';

/** What a user says in one turn: five insights, each with a word that is nowhere else. */
export interface Said {
  /** Chosen by the client; the same when it asks again. */
  readonly turn: string;
  readonly user: string;
  readonly message: string;
  /** The five words. */
  readonly insights: readonly string[];
}

/** The five insights of the `n`th turn. */
export function say(n: number): Said {
  // Letters of a fixed number, as names have them: none is a part of another.
  const number = [n / 676, n / 26, n].map((digit) => String.fromCharCode(97 + (Math.floor(digit) % 26))).join('');
  const insights = ['Ab', 'Be', 'Co', 'De', 'Et'].map((start) => `${start}${number}or`);
  const [dog, city, boss, drink, boat] = insights;
  return {
    turn: `turn-${n}`,
    user: `user-${n}`,
    message: `Please remember these five things: 1) my dog is called ${dog}; 2) I live in ${city}; 3) my boss is called ${boss}; 4) I prefer ${drink} over coffee; 5) my boat is called ${boat}`,
    insights,
  };
}

/** What a worker of a contender is sent, one line of JSON each; it answers with the same `turn` when all is stored. */
export type Ask = Pick<Said, 'turn' | 'user' | 'message'>;

/** Has a model find the insights in a message, by the same tool that Holdfast gives it. */
export async function askModel(message: string): Promise<{ insights: string[]; reply: string }> {
  const openai = new OpenAI({ baseURL: process.env['MODEL_URL'], apiKey: 'none' });
  const { choices } = await openai.chat.completions.create({
    model: 'demo',
    messages: [{ role: 'user', content: message }],
    tools: [
      {
        type: 'function',
        function: {
          name: 'memory_remember',
          description: 'Stores what is worth knowing later.',
          parameters: {
            type: 'object',
            properties: { memories: { type: 'array', items: { type: 'object' } } },
            required: ['memories'],
          },
        },
      },
    ],
  });
  const [call] = choices[0]?.message.tool_calls ?? [];
  if (call?.type !== 'function') throw new Error('The model found nothing to remember.');
  const { memories } = JSON.parse(call.function.arguments) as { memories: { text: string }[] };
  return { insights: memories.map(({ text }) => text), reply: `Stored ${memories.length} things.` };
}

/** Serves turns over standard input and output, one after the other, until the input ends. */
export async function serve(answer: (ask: Ask) => Promise<string>): Promise<void> {
  console.log(JSON.stringify({ ready: true }));
  const { createInterface } = await import('node:readline');
  for await (const line of createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line) as Ask;
    const reply = await answer(ask);
    console.log(JSON.stringify({ turn: ask.turn, reply }));
  }
}
