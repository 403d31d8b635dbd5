/** A tool call the demo model wants to make. */
export interface WantedCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What to do next with tools: calls, words to the user instead, or nothing. */
export type ToolStep = { readonly calls: readonly WantedCall[] } | { readonly say: string } | null;
