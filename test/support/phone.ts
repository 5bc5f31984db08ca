// A mail program with a password, as on a phone: imapflow reading the inbox of a real server.
import { ImapFlow } from 'imapflow'
import { expect } from 'vitest'
import { type Letter, readLetter } from './letters.ts'

export function phoneFor({ port, user, pass }: { port: number; user: string; pass: string }) {
  /** What is in the inbox, oldest first. Rejects when the server does not let it in. */
  async function inbox(): Promise<Letter[]> {
    const client = new ImapFlow({ host: '127.0.0.1', port, secure: false, auth: { user, pass }, logger: false })
    await client.connect()
    try {
      const { exists } = await client.mailboxOpen('INBOX', { readOnly: true })
      const found = exists === 0 ? [] : await client.fetchAll('1:*', { source: true })
      return found.map(({ source }) => readLetter(source!.toString('latin1')))
    } finally {
      await client.logout()
    }
  }
  return {
    readsMail: (): Promise<boolean> =>
      inbox().then(
        () => true,
        () => false,
      ),
    /** So many letters, once they are there: a mail server takes a moment from "accepted" to the mailbox. */
    async letters(count: number): Promise<Letter[]> {
      await expect.poll(async () => (await inbox()).length, { timeout: 20_000, interval: 200 }).toBe(count)
      return inbox()
    },
  }
}
