// One-time links: set-up, invitation, password reset. The token is random, kept only as a digest, used up by one
// conditional update, and good for a short time.
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'
import type { Account, Stores, Ticket } from '../ports.ts'
import { checkStrength } from './password-strength.ts'
import { setPassword } from './set-password.ts'
import { touch } from './subjects.ts'

const HOUR = 3_600_000
const lifetimes: Record<Ticket['kind'], number> = { setup: 24 * HOUR, invitation: 7 * 24 * HOUR, password_reset: HOUR }

/** Hours for which a link of this kind is good. */
export const hoursOf = (kind: Ticket['kind']): number => lifetimes[kind] / HOUR

/**
 * A new link's token. An invitation replaces whatever link the account had before; a reset, which anybody can ask for,
 * takes none away. Once a password is chosen, all are used up.
 */
export async function issueTicket(
  core: Pick<Core, 'clock' | 'random'>,
  stores: Stores,
  kind: Ticket['kind'],
  accountId: string | null,
): Promise<string> {
  const token = core.random.token(32)
  const at = core.clock.now()
  if (accountId && kind === 'invitation') await stores.tickets.burnAll(accountId, at)
  await stores.tickets.add(digest(token), {
    kind,
    accountId,
    createdAt: at,
    expiresAt: at + lifetimes[kind],
    usedAt: null,
  })
  return token
}

const expired = () => new AppError('link_expired')

/** The account behind a link that can still be used. Throws `link_expired`: used, expired and invented look the same. */
export const readLink =
  (core: Core) =>
  async (token: string, kinds: readonly Ticket['kind'][]): Promise<Account> => {
    const ticket = await core.store.tickets.get(digest(token))
    if (
      !ticket?.accountId ||
      ticket.usedAt !== null ||
      ticket.expiresAt <= core.clock.now() ||
      !kinds.includes(ticket.kind)
    )
      throw expired()
    const account = await core.store.accounts.get(ticket.accountId)
    if (!account || account.state === 'closed') throw expired()
    return account
  }

/**
 * Choose a password by an invitation or a reset link. The link is used up only when the password was taken; every session
 * of the account ends. The address is verified by it: the link came by mail.
 */
export const choosePassword =
  (core: Core) =>
  async ({ token, password, repeated }: { token: string; password: string; repeated: string }): Promise<Account> => {
    let account = await readLink(core)(token, ['invitation', 'password_reset'])
    if (password !== repeated) throw new AppError('passwords_differ', { field: 'repeated' })
    await checkStrength(password, [account.username, account.name, account.email ?? ''])
    if (!(await core.store.tickets.burn(digest(token), core.clock.now()))) throw expired()
    try {
      account = await setPassword(core)(account, password)
    } catch (error) {
      // The directory refused it or was away: the link stays good.
      await core.store.tickets.giveBack(digest(token))
      throw error
    }
    await core.store.transaction(async (stores) => {
      const at = core.clock.now()
      // As it is now: whoever was closed while the page was open stays closed (attack 3).
      const current = await stores.accounts.get(account.id)
      if (!current || current.state === 'closed') throw expired()
      await stores.accounts.update({
        ...current,
        state: 'active',
        emailVerifiedAt: current.emailVerifiedAt ?? (current.email ? at : null),
      })
      await stores.sessions.signOut(account.id, at)
      await stores.tickets.burnAll(account.id, at)
      await audit(core, stores, {
        action: 'account.password_set',
        actor: account.id,
        subjectKind: 'account',
        subjectId: account.id,
        payload: { by: 'link' },
      })
      await touch(core, stores, { accountId: account.id }, 'person')
    })
    core.wake()
    return account
  }
