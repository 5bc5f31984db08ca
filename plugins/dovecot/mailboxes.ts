// The mailboxes that mail is delivered to by LMTP, whoever may read them: what a suspension closes is the login. An address
// that was removed is taken out; its mail stays on the disk.
import { join } from 'node:path'
import type { AddressSubject, Host, Name, Service } from '../../src/plugin.ts'
import { locked, mustBeFolder, mustBeHere } from '../../src/plugin-files.ts'
import type { DovecotConfig } from './config.ts'
import { homeOf, isHome, isLogin, notLogins } from './login.ts'
import { type MailboxRow, mailboxCodec } from './mailbox-rows.ts'
import { shards } from './shards.ts'

export function mailboxService(
  { folder, host, mailHome }: DovecotConfig,
  _host: Host,
): Service<AddressSubject, MailboxRow> {
  const lines = shards(join(folder, 'mailboxes'), mailboxCodec)
  const inFolder = async (signal: AbortSignal, work: () => Promise<void>): Promise<void> => {
    mustBeHere(host, folder)
    // The administrator makes it: on a disk that is not mounted nobody would have a mailbox.
    await mustBeFolder(folder)
    await locked(join(folder, 'mailboxes.lock'), signal, async () => {
      await lines.ready()
      await work()
    })
  }
  const canBeTold = (name: Name, row: MailboxRow | null) => isLogin(name) && (row === null || isHome(row.home))

  return {
    check: (signal) => inFolder(signal, async () => undefined),
    list: (signal) => lines.list(signal),
    observe: (names, signal) => lines.observe(names, signal),
    // Aliases and what sites write as are the mail server's.
    render: ({ name, delivery }) =>
      mailHome !== undefined && delivery && 'mailbox' in delivery
        ? {
            home: homeOf(mailHome, name),
            ...(delivery.mailbox.quotaBytes !== null && { quotaBytes: delivery.mailbox.quotaBytes }),
          }
        : null,
    async apply(changes, signal) {
      signal.throwIfAborted()
      const usable = new Map([...changes].filter(([name, row]) => canBeTold(name, row)))
      let failed = new Map<Name, unknown>()
      if (usable.size > 0)
        await inFolder(signal, async () => {
          failed = await lines.change(usable, signal)
        })
      for (const error of failed.values()) throw error
      const left = [...changes.keys()].filter((name) => !usable.has(name))
      if (left.length > 0) throw notLogins(left)
    },
    close: async () => undefined,
  }
}
