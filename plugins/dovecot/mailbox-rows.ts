// What Dovecot holds of an address that is a mailbox, as a line: where mail for it is put, and how much of it.
import type { Codec } from './lines.ts'
import { QUOTA, quotaFields } from './login-rows.ts'

export type MailboxRow = { readonly home: string; readonly quotaBytes?: number }

/** `lmtp/`: the name of an address may be that of a login to another mailbox. */
const LINE = /^lmtp\/([^:/\n]+):::::(\/[^:\n]*)::schedar=mailbox( [^\n]*)?$/

function parsed(line: string): (MailboxRow & { address: string }) | undefined {
  const [, address, home, rest = ''] = LINE.exec(line) ?? []
  const quota = address ? QUOTA.exec(rest) : null
  return address && home && quota
    ? { address, home, ...(quota[1] !== undefined && { quotaBytes: Number(quota[1]) }) }
    : undefined
}

export const mailboxCodec: Codec<MailboxRow> = {
  write: (address, { home, quotaBytes }) => [`lmtp/${address}:::::${home}::schedar=mailbox${quotaFields(quotaBytes)}`],
  nameOf: (line) => parsed(line)?.address,
  read(lines) {
    const [first] = lines.map(parsed)
    const { home, quotaBytes } = first!
    return { home, ...(quotaBytes !== undefined && { quotaBytes }) }
  },
}
