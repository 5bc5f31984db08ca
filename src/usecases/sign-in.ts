// A person proves a name with a password. An unknown name, a wrong password, a closed or locked account get the same
// answer at the same moment; only after the right password is anything said about the account.
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import type { Account, Verdict } from '../ports.ts'
import { adoptEntry } from './adopt-entry.ts'
import { noteFailedSignIn } from './failed-sign-ins.ts'
import { type Bucket, network, takeTry } from './throttle.ts'

type Input = { identifier: string; password: string; address: string }

/** The account that a typed username or e-mail means here; `shared`: an address of several accounts, which means none. */
async function accountHere({ store }: Core, typed: string): Promise<Account | 'shared' | undefined> {
  const byName = await store.accounts.byUsername(typed)
  if (byName || !typed.includes('@')) return byName
  const [only, ...others] = await store.accounts.byEmail(typed)
  return others.length > 0 ? 'shared' : only
}

/** The account of somebody whom only the outside directory knows yet, or knows by another name. */
async function accountThere(core: Core, typed: string, signal: AbortSignal): Promise<Account | undefined> {
  const entry = await core.directory.find?.(typed, signal)
  return entry && !entry.disabled ? adoptEntry(core)(entry) : undefined
}

async function verdictOn(
  core: Core,
  account: Account | undefined,
  password: string,
  signal: AbortSignal,
): Promise<Verdict> {
  if (account && account.state !== 'closed') return core.directory.verify(account, password, signal)
  await core.directory.pretend(password, signal)
  return 'wrong'
}

const LONGEST_PASSWORD = 1024
const DIRECTORY_MS = 10_000

async function attempt(core: Core, { identifier, password, address }: Input): Promise<Account> {
  const { triesPerAccount, triesPerAddress, windowSeconds } = core.config.signIn
  const windowMs = windowSeconds * 1000
  const byAccount = (key: string): Bucket => ({ name: 'password', key, limit: { tries: triesPerAccount, windowMs } })
  if (password.length === 0 || password.length > LONGEST_PASSWORD || identifier.length > 320)
    throw new AppError('sign_in_failed')

  const signal = AbortSignal.timeout(DIRECTORY_MS)
  const typed = canonical(identifier)
  const found = await accountHere(core, typed)
  const here = found === 'shared' ? undefined : found
  const first = await takeTry(core)([
    // One bucket for all names of an account.
    byAccount(here?.id ?? typed),
    { name: 'password from', key: network(address), limit: { tries: triesPerAddress, windowMs } },
  ])
  const there = found ? undefined : await accountThere(core, typed, signal)
  const second = there && (await takeTry(core)([byAccount(there.id)]))
  const account = here ?? there
  const verdict = await verdictOn(core, account, password, signal)
  if (account && verdict === 'expired') throw new AppError('password_expired')
  if (!account || (verdict !== 'ok' && verdict !== 'must_change')) {
    core.log.info('sign_in.refused', { account: account?.id, verdict })
    // A count that cannot be kept changes nothing for the person.
    await noteFailedSignIn(core).catch(() => {})
    throw new AppError('sign_in_failed')
  }
  await Promise.all([first.giveBack(), second?.giveBack()])
  if (verdict === 'must_change') throw new AppError('password_expired')
  return account
}

/** Milliseconds still to wait so that the answer comes at a multiple of `step` after the beginning. */
const untilNextStep = (elapsed: number, step: number): number => Math.ceil(Math.max(elapsed, 1) / step) * step - elapsed

/**
 * The account of a right name and password. Throws `sign_in_failed`, `too_many_tries` or `password_expired`; a refusal
 * comes at a fixed deadline (`signIn.answerAfterMs`), or at a multiple of it.
 */
export const signIn =
  (core: Core) =>
  async (input: Input): Promise<Account> => {
    const began = core.clock.now()
    try {
      const account = await attempt(core, input)
      await core.store.accounts.signedIn(account.id, core.clock.now())
      core.log.info('sign_in.password', { account: account.id })
      return account
    } catch (error) {
      if (error instanceof AppError && error.code === 'too_many_tries') await noteFailedSignIn(core).catch(() => {})
      const step = core.config.signIn.answerAfterMs
      await new Promise((resolve) => setTimeout(resolve, untilNextStep(core.clock.now() - began, step)))
      throw error
    }
  }
