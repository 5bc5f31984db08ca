// Setting a password where passwords live. An account that an outside directory does not hold yet gets its entry there
// first: this is how an invited member arrives in LDAP.
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { Account } from '../ports.ts'

const DIRECTORY_MS = 10_000

/** Throws `password_refused` or `directory_unavailable`; nothing is changed then. The account, with its directory key. */
export const setPassword =
  (core: Core) =>
  async (account: Account, password: string, current?: string): Promise<Account> => {
    const signal = AbortSignal.timeout(DIRECTORY_MS)
    const settled = await entered(core, account, signal)
    await core.directory.setPassword(settled, password, signal, current)
    return settled
  }

async function entered(core: Core, account: Account, signal: AbortSignal): Promise<Account> {
  if (core.directory.kind === 'own' || account.directoryKey !== null) return account
  if (!core.directory.add)
    throw new AppError('directory_unavailable', {
      detail: `${account.username} is not in the directory, and directory.create is not configured`,
    })
  const directoryKey = await core.directory.add(account, signal)
  const settled = { ...account, directoryKey }
  await core.store.accounts.update(settled)
  return settled
}
