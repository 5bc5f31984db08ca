/** The claims of a JWT that this process has just signed itself; nothing is verified. */
export const decodeJwt = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
