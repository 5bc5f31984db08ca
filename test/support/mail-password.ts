// App passwords as a plugin is given them, with their secrets.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { groupedDigest, inGroups, newAppPassword } from '../../src/domain/app-passwords.ts'
import type { LoginPassword } from '../../src/plugin.ts'

/** `typed`: the two ways to type it. */
export type TestPassword = LoginPassword & { secret: string; typed: readonly [string, string] }

export function appPassword(...scopes: LoginPassword['scopes']): TestPassword {
  const secret = newAppPassword((bytes) => randomBytes(bytes).toString('base64url'))
  const sha256 = createHash('sha256').update(secret).digest('hex')
  const digests = [sha256, Buffer.from(groupedDigest(secret), 'base64url').toString('hex')]
  return { id: randomUUID(), digests, scopes, secret, typed: [secret, inGroups(secret)] }
}
/** What a plugin is given of it. */
export const given = ({ id, digests, scopes }: LoginPassword): LoginPassword => ({ id, digests, scopes })
