// Letters about a login that was stopped after a burst: to the association, and to whoever the login is of. What a process
// that died did not tell, or no mail server took, is told later.
import type { Core } from '../core.ts'
import { digest } from '../domain/digest.ts'
import { looksAfterSites } from '../domain/people.ts'
import type { Account, Locale, Quarantine } from '../ports.ts'

type Letter = { subject: string; text: string }
export type QuarantineLetters = {
  /** To an admin, about a login that was stopped. */
  toAdmin(of: { login: string; member: string; detail: string }, locale: Locale): Promise<Letter>
  /** To the person whose login it is, or to whoever answers for the site. */
  toPerson(of: { login: string; name: string }, locale: Locale): Promise<Letter>
}

/** Longer than letters take: what is not told by then, nobody is telling. */
const TELLING_MS = 10 * 60_000
const AGAIN_MS = 3_600_000

/** Whom a login's mail counts for. */
export const memberOfLogin =
  ({ store }: Pick<Core, 'store'>) =>
  async (login: string): Promise<string | null> => {
    const source = await store.subjects.get('login', login)
    const resourceId = source?.kind === 'login' ? source.mailboxId : source?.kind === 'site_login' && source.resourceId
    return (resourceId && (await store.access.owner(resourceId))?.memberId) || null
  }

/** Accounts of those who look after a member's sites. */
export async function sitesPeople({ store }: Pick<Core, 'store'>, memberId: string | null): Promise<string[]> {
  const people = memberId === null ? [] : await store.people.accountsOf(memberId)
  return people.filter(looksAfterSites).map(({ accountId }) => accountId)
}

async function peopleOf(core: Core, login: string, memberId: string | null): Promise<Account[]> {
  const source = await core.store.subjects.get('login', login)
  const ids = source?.kind === 'login' ? [source.accountId] : await sitesPeople(core, memberId)
  const accounts = await Promise.all(ids.map((id) => core.store.accounts.get(id)))
  return accounts.filter((one) => one !== undefined)
}

/** Sends the letters. Throws when one could not be sent; it is told once anybody was. */
export const tellQuarantine =
  (core: Core, letters: QuarantineLetters) =>
  async ({ id, login, detail }: Pick<Quarantine, 'id' | 'login' | 'detail'>): Promise<void> => {
    const { store, mailer, clock } = core
    const memberId = await memberOfLogin(core)(login)
    const member = (memberId && (await store.members.get(memberId))?.name) || login
    const people = await peopleOf(core, login, memberId)
    const [organisation] = await store.organisations.all()
    const sends: Promise<void>[] = []
    if (organisation)
      sends.push(
        letters
          .toAdmin({ login, member, detail }, organisation.locale)
          .then((letter) => mailer.send({ to: organisation.contactEmail, ...letter })),
      )
    for (const { email, locale, givenName, name } of people)
      if (email)
        sends.push(
          letters
            .toPerson({ login, name: givenName || name }, locale)
            .then((letter) => mailer.send({ to: email, ...letter })),
        )
    const sent = await Promise.allSettled(sends)
    // One address that never takes a letter must not have the others told each night.
    if (sent.some(({ status }) => status === 'fulfilled')) await store.quarantines.told(id, clock.now())
    const failed = sent.find((one) => one.status === 'rejected')
    if (failed) throw failed.reason
  }

/** Tells of those in force that nobody was told of; one that fails stops no other. */
export const tellUntold = (core: Core, letters: QuarantineLetters) => async (): Promise<void> => {
  const { store, clock, log } = core
  const at = clock.now()
  for (const quarantine of await store.quarantines.untold(at - TELLING_MS)) {
    // Of several instances one tells, and while nothing takes letters it tries once an hour.
    const key = digest(`quarantine\n${quarantine.id}`)
    if ((await store.throttle.take(key, 1, 1, AGAIN_MS, at)).remaining < 0) continue
    await tellQuarantine(
      core,
      letters,
    )(quarantine).catch((error: unknown) =>
      log.error('mail.quarantine_not_told', { login: quarantine.login, error: String(error) }),
    )
  }
}
