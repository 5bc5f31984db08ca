// Sign-ins over IMAP at the Dovecot of a test: once, until it is let in again, and to stay.
import type { Dovecot } from './dovecot.ts'
import { type Imap, imap, type Mechanism } from './imap.ts'

export const REFUSED = 'NO [AUTHENTICATIONFAILED]'
export const UNAVAILABLE = 'NO [UNAVAILABLE]'

/** `OK`, `NO [AUTHENTICATIONFAILED]` or `NO [UNAVAILABLE]`, from a connection of its own. */
export async function attempt(
  dovecot: Pick<Dovecot, 'imapPort'>,
  mechanism: Mechanism,
  login: string,
  secret: string,
): Promise<string> {
  const client = await imap(dovecot.imapPort)
  try {
    const answer = await client.authenticate(mechanism, login, secret)
    return answer.startsWith('OK') ? 'OK' : answer.replace(/\].*/, ']')
  } finally {
    client.close()
  }
}

/** A change of a file is seen within a second: Dovecot looks at it once a second. */
export async function restored(
  dovecot: Pick<Dovecot, 'imapPort'>,
  mechanism: Mechanism,
  login: string,
  secret: string,
): Promise<void> {
  const deadline = performance.now() + 10_000
  while ((await attempt(dovecot, mechanism, login, secret)) !== 'OK')
    if (performance.now() > deadline) throw new Error(`${login} is still refused`)
}

/** A session that is open and waits. */
export async function idle(
  dovecot: Pick<Dovecot, 'imapPort'>,
  mechanism: Mechanism,
  login: string,
  secret: string,
): Promise<Imap> {
  const client = await imap(dovecot.imapPort)
  const answer = await client.authenticate(mechanism, login, secret)
  if (!answer.startsWith('OK')) throw new Error(`Dovecot answered ${answer}`)
  await client.idle()
  return client
}
