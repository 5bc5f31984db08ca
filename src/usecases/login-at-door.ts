// What a login may do at a mail server's door now, and a sentence that says why not: to be shown by programs that show
// little more than that.
import type { Core } from '../core.ts'
import { type AccessAnswer, resourceAccess } from '../domain/access.ts'
import { canonical } from '../domain/names.ts'
import type { LoginAtDoor } from '../plugin.ts'
import type { Locale, SubjectSource } from '../ports.ts'

/** `quarantined`: it may not send, whatever the answer says. */
export type Refusal = { answer: AccessAnswer; quarantined: boolean }
/** One sentence in a language, of at most 200 characters, without a line's end. */
export type SayWhy = (refusal: Refusal, locale: Locale) => Promise<string>

type Standing = { answer: AccessAnswer; locale: Locale; memberId: string | null; site: string | null }
const NOBODY: AccessAnswer = { access: 'none', reason: { code: 'not_listed' } }

async function ofPerson({ doors, store }: Core, source: Extract<SubjectSource, { kind: 'login' }>): Promise<Standing> {
  const [answer, account, mailbox] = await Promise.all([
    source.removed ? NOBODY : doors.mailAccess(source.accountId, source.mailboxId),
    store.access.person(source.accountId),
    store.access.owner(source.mailboxId),
  ])
  return { answer, locale: account?.locale ?? 'fr', memberId: mailbox?.memberId ?? null, site: null }
}

async function ofSite(
  { store, config }: Core,
  name: string,
  source: Extract<SubjectSource, { kind: 'site_login' }>,
): Promise<Standing> {
  const owner = source.removed ? undefined : await store.access.owner(source.resourceId)
  const member = owner && (await store.members.get(owner.memberId))
  return {
    answer: owner ? resourceAccess(owner, 'hosting', config.access) : NOBODY,
    locale: member?.locale ?? 'fr',
    memberId: owner?.memberId ?? null,
    site: name,
  }
}

/** Undefined when there is no login of this name. */
export const loginAtDoor =
  (core: Core, sayWhy: SayWhy) =>
  async (typed: string): Promise<LoginAtDoor | undefined> => {
    const name = typed.length > 254 ? '' : canonical(typed)
    const source = await core.store.subjects.get('login', name)
    if (source?.kind !== 'login' && source?.kind !== 'site_login') return undefined
    const [{ answer, locale, memberId, site }, quarantine, countedFrom] = await Promise.all([
      source.kind === 'login' ? ofPerson(core, source) : ofSite(core, name, source),
      core.store.quarantines.ofLogin(name),
      core.store.quarantines.lastLiftedAt(name),
    ])
    const quarantined = quarantine !== undefined
    const maySend = answer.access === 'full' && !quarantined
    const why = maySend ? '' : await sayWhy({ answer, quarantined }, locale)
    return {
      access: answer.access,
      maySend,
      memberId,
      site,
      why,
      ...(countedFrom !== undefined && { countedFrom }),
    }
  }
