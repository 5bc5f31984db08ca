// A person's logins as the person sees them: into which mailbox, what they open now, and whether sending was stopped.
import type { Core } from '../core.ts'
import type { Access } from '../domain/access.ts'

export type MailLogin = {
  login: string
  /** The address of the mailbox. */
  mailbox: string
  access: Access
  /** Sending was stopped after a burst, or by hand. */
  stopped: boolean
  /** Bytes; null: no limit. */
  quotaBytes: number | null
}

export const mailLoginsOf =
  ({ store, doors }: Pick<Core, 'store' | 'doors'>) =>
  async (accountId: string): Promise<MailLogin[]> => {
    const logins = await store.resources.loginsOf(accountId)
    const found = await Promise.all(
      logins.map(async ({ name, mailboxId }): Promise<MailLogin | undefined> => {
        const mailbox = await store.resources.get(mailboxId)
        if (!mailbox || mailbox.removedAt !== null) return undefined
        const [{ access }, quarantine, settings] = await Promise.all([
          doors.loginAccess(accountId, name),
          store.quarantines.ofLogin(name),
          store.mailboxes.get(mailboxId),
        ])
        return {
          login: name,
          mailbox: mailbox.name,
          access,
          stopped: quarantine !== undefined,
          quotaBytes: settings?.quotaBytes ?? null,
        }
      }),
    )
    return found.filter((one) => one !== undefined)
  }
