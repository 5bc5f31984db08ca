// A signed-in person chooses a new password, knowing the old one. Every session ends, this one too: whoever knew the old
// password is out.
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { checkStrength } from './password-strength.ts'
import { setPassword } from './set-password.ts'
import { touch } from './subjects.ts'
import { takeTry } from './throttle.ts'

const DIRECTORY_MS = 10_000

export const changePassword =
  (core: Core) =>
  async ({
    accountId,
    current,
    password,
    repeated,
  }: {
    accountId: string
    current: string
    password: string
    repeated: string
  }): Promise<void> => {
    const account = await core.store.accounts.get(accountId)
    if (!account) throw new AppError('not_found')
    const { triesPerAccount, windowSeconds } = core.config.signIn
    // The sign-in page's own bucket: this is not a second door for guessing.
    const tries = await takeTry(core)([
      { name: 'password', key: accountId, limit: { tries: triesPerAccount, windowMs: windowSeconds * 1000 } },
    ])
    const signal = AbortSignal.timeout(DIRECTORY_MS)
    const verdict =
      current === '' || current.length > 1024 ? 'wrong' : await core.directory.verify(account, current, signal)
    if (verdict === 'wrong' || verdict === 'locked') throw new AppError('sign_in_failed', { field: 'current' })
    await tries.giveBack()
    if (password !== repeated) throw new AppError('passwords_differ', { field: 'repeated' })
    await checkStrength(password, [account.username, account.name, account.email ?? ''])
    await setPassword(core)(account, password, current)
    await core.store.transaction(async (stores) => {
      await stores.sessions.signOut(accountId, core.clock.now())
      await stores.tickets.burnAll(accountId, core.clock.now())
      await audit(core, stores, {
        action: 'account.password_set',
        actor: accountId,
        subjectKind: 'account',
        subjectId: accountId,
        payload: { by: 'hand' },
      })
      await touch(core, stores, { accountId }, 'person')
    })
    core.wake()
  }
