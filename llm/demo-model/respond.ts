import type { ServerResponse } from 'node:http';

/** Sends a JSON answer; text is sent as it is. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed || response.headersSent) return;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(text);
}

/** Sends an error in the shape of the OpenAI API. */
export function sendError(
  response: ServerResponse,
  status: number,
  message: string,
  {
    param = null,
    code = null,
    headers = {},
  }: { param?: string | null; code?: string | null; headers?: Readonly<Record<string, string>> } = {},
): void {
  const type =
    status === 401
      ? 'authentication_error'
      : status === 429
        ? 'rate_limit_error'
        : status >= 500
          ? 'server_error'
          : 'invalid_request_error';
  sendJson(response, status, { error: { message, type, param, code } }, headers);
}
