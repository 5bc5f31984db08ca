// The first minutes of an installation: a one-time link on the console lets whoever started it name the association and
// become its first administrator. Once there is one, the link is dead; `schedar rescue` is for the day the last is lost.
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'
import { email as checkedEmail } from '../domain/names.ts'
import type { Account, Locale } from '../ports.ts'
import { newAccount } from './accounts.ts'
import { issueTicket } from './links.ts'
import { checkStrength } from './password-strength.ts'
import { setPassword } from './set-password.ts'

export type SetUpInput = {
  token: string
  associationName: string
  contactEmail: string
  givenName: string
  familyName: string
  username: string
  email: string
  password: string
  repeated: string
  locale: Locale
  timeZone?: string
}

/** A new set-up link's token; earlier ones stop working. Undefined once there is an administrator. */
export const offerSetUp = (core: Core) => async (): Promise<string | undefined> =>
  core.store.transaction(async (stores) => {
    if ((await stores.people.countStaff('admin')) > 0) return undefined
    const token = await issueTicket(core, stores, 'setup', null)
    await stores.settings.set('setup.digest', digest(token))
    return token
  })

/** Throws `link_expired` unless the token is the newest set-up link and there is no administrator yet. */
export const checkSetUp =
  (core: Core) =>
  async (token: string): Promise<void> => {
    const ticket = await core.store.tickets.get(digest(token))
    const newest = await core.store.settings.get('setup.digest')
    if (
      ticket?.kind !== 'setup' ||
      ticket.usedAt !== null ||
      ticket.expiresAt <= core.clock.now() ||
      newest !== digest(token)
    )
      throw new AppError('link_expired')
    if ((await core.store.people.countStaff('admin')) > 0) throw new AppError('link_expired')
  }

const required = (value: string, field: string): string => {
  const text = value.trim()
  if (text === '') throw new AppError('required', { field })
  if (text.length > 200) throw new AppError('invalid_value', { field })
  return text
}

/** Name the association and make its first administrator. Of two people with the link, one wins. */
export const setUp =
  (core: Core) =>
  async (input: SetUpInput): Promise<Account> => {
    await checkSetUp(core)(input.token)
    const associationName = required(input.associationName, 'associationName')
    const givenName = required(input.givenName, 'givenName')
    const familyName = required(input.familyName, 'familyName')
    const contactEmail = withField('contactEmail', () => checkedEmail(input.contactEmail))
    if (input.password !== input.repeated) throw new AppError('passwords_differ', { field: 'repeated' })
    await checkStrength(input.password, [associationName, givenName, familyName, input.username, input.email])
    const account = await core.store.transaction(async (stores) => {
      const at = core.clock.now()
      if (!(await stores.tickets.burn(digest(input.token), at))) throw new AppError('link_expired')
      const [organisation] = await stores.organisations.all()
      const described = {
        name: associationName,
        contactEmail,
        locale: input.locale,
        timeZone: input.timeZone ?? 'Europe/Brussels',
      }
      if (organisation) await stores.organisations.update({ ...organisation, ...described })
      else await stores.organisations.add({ id: core.random.uuid(), country: 'BE', createdAt: at, ...described })
      const made: Account = {
        ...(await newAccount(core, stores, { ...input, givenName, familyName })),
        state: 'active',
      }
      await stores.accounts.add(made)
      await stores.people.setStaffRoles(made.id, ['admin'], 'setup', at)
      await stores.settings.set('setup.digest', undefined)
      await audit(core, stores, {
        action: 'association.set_up',
        actor: made.id,
        subjectKind: 'account',
        subjectId: made.id,
        payload: { associationName, username: made.username },
      })
      return made
    })
    try {
      await setPassword(core)(account, input.password)
    } catch (error) {
      // Nothing half made: without a password the first administrator could not come back.
      await core.store.transaction(async (stores) => {
        await stores.people.setStaffRoles(account.id, [], 'setup', core.clock.now())
        await stores.accounts.remove(account.id)
        await stores.tickets.giveBack(digest(input.token))
        await stores.settings.set('setup.digest', digest(input.token))
      })
      throw error
    }
    return account
  }

function withField<T>(field: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof AppError)
      throw new AppError(error.code, { field, ...(error.detail && { detail: error.detail }) })
    throw error
  }
}

/** For the day the last administrator is lost, on the machine itself: a reset link for an account that becomes admin. */
export const rescue =
  (core: Core) =>
  async ({ account, actor }: { account: Account; actor: string }): Promise<string> =>
    core.store.transaction(async (stores) => {
      const roles = await stores.people.staffRoles(account.id)
      await stores.people.setStaffRoles(account.id, [...new Set([...roles, 'admin' as const])], actor, core.clock.now())
      await stores.credentials.removeTotp(account.id)
      if (account.state === 'closed') await stores.accounts.update({ ...account, state: 'active' })
      for (const { id, effect } of await stores.overrides.open({ accountId: account.id }))
        if (effect === 'deny') await stores.overrides.lift(id, core.clock.now(), actor)
      await audit(core, stores, {
        action: 'account.rescued',
        actor,
        subjectKind: 'account',
        subjectId: account.id,
        payload: { before: roles },
      })
      return issueTicket(core, stores, 'password_reset', account.id)
    })
