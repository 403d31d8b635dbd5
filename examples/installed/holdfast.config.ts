import { defineAgent, defineConfig, defineTool } from 'holdfast';
import { z } from 'zod';

const weather = defineTool({
  name: 'weather',
  description: 'Tell the weather of a city.',
  input: z.object({ city: z.string() }),
  repeatable: true,
  execute: ({ city }) => `It is sunny in ${city}.`,
});

/** Node runs this file as it is; `holdfast worker` and `holdfast dev` load it from the folder they are started in. */
export default defineConfig({
  agents: [defineAgent({ name: 'assistant', instructions: 'Be brief.', tools: [weather] })],
});
