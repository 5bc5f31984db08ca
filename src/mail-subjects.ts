// Logins and addresses as mail services need them: what each may, with which passwords, and where its mail goes.
import { type Access, type AccessAnswer, type Policy, resourceAccess } from './domain/access.ts'
import { civilDate } from './domain/time.ts'
import type { AddressSubject, LoginPassword, LoginSubject } from './plugin.ts'
import type { AppPassword, Clock, Stores, SubjectSource } from './ports.ts'

type Asked = Pick<
  Stores,
  'access' | 'appPasswords' | 'mailboxes' | 'quarantines' | 'resources' | 'subjects' | 'organisations'
>
type Of<K extends SubjectSource['kind']> = Extract<SubjectSource, { kind: K }>

/** Mail servers compare the hexadecimal SHA-256 of what was typed. */
const hex = (digest: string): string => Buffer.from(digest, 'base64url').toString('hex')

const passwordOf = ({ id, digest, groupedDigest, scopes }: AppPassword): LoginPassword => ({
  id,
  digests: [digest, ...(groupedDigest ? [groupedDigest] : [])].map(hex),
  scopes,
})

export function mailSubjects(stores: Asked, policy: Policy, clock: Clock) {
  const dueOf = async (resourceId: string, service: 'mail' | 'hosting'): Promise<Access> => {
    const owner = await stores.access.owner(resourceId)
    return owner ? resourceAccess(owner, service, policy).access : 'none'
  }

  async function isFormer(untilOn: string | null): Promise<boolean> {
    if (untilOn === null) return false
    const [organisation] = await stores.organisations.all()
    return civilDate(clock.now(), organisation?.timeZone ?? 'Europe/Brussels') <= untilOn
  }

  const mayWrite = async (login: string): Promise<boolean> => !(await stores.quarantines.ofLogin(login))

  /** Sites of a member whose forms send with a login of their own. */
  async function sitesThatSend(memberId: string): Promise<string[]> {
    const sites = (await stores.resources.ofMember(memberId)).filter(({ kind }) => kind === 'site')
    const send = await Promise.all(sites.map(({ id }) => stores.mailboxes.siteLogin(id)))
    return sites.filter((_, at) => send[at]).map(({ name }) => name)
  }

  /** Whoever reads what comes to an address may write as it. */
  async function readersOf(source: Of<'address'>): Promise<string[]> {
    if (source.of === 'mailbox') return (await stores.resources.loginsInto(source.resourceId)).map(({ name }) => name)
    const targets = await stores.mailboxes.targets(source.resourceId)
    const boxes = await Promise.all(targets.map((target) => stores.resources.byName('mailbox', target)))
    const logins = await Promise.all(boxes.flatMap((box) => (box ? [stores.resources.loginsInto(box.id)] : [])))
    return logins.flat().map(({ name }) => name)
  }

  async function deliveryOf(source: Of<'address'>): Promise<AddressSubject['delivery']> {
    if (source.of === 'site') return null
    if (source.of === 'alias') return { targets: await stores.mailboxes.targets(source.resourceId) }
    return { mailbox: { quotaBytes: (await stores.mailboxes.get(source.resourceId))?.quotaBytes ?? null } }
  }

  return {
    async login(name: string, source: Of<'login'>, { access }: AccessAnswer): Promise<LoginSubject> {
      const [box, passwords] = await Promise.all([
        stores.mailboxes.get(source.mailboxId),
        access === 'none' ? [] : stores.appPasswords.ofAccount(source.accountId),
      ])
      return {
        kind: 'login',
        name,
        access,
        mailbox: source.mailbox,
        passwords: passwords.map(passwordOf),
        maySend: access === 'full' && (await mayWrite(name)),
        quotaBytes: box?.quotaBytes ?? null,
        former: access !== 'none' && (await isFormer(box?.formerUntilOn ?? null)),
      }
    },

    async siteLogin(name: string, source: Of<'site_login'>): Promise<LoginSubject> {
      const [due, login] = await Promise.all([
        source.removed ? ('none' as const) : dueOf(source.resourceId, 'hosting'),
        stores.mailboxes.siteLogin(source.resourceId),
      ])
      const access = login ? due : 'none'
      return {
        kind: 'login',
        name,
        access,
        mailbox: '',
        passwords:
          login && access !== 'none' ? [{ id: login.siteId, digests: [hex(login.digest)], scopes: ['smtp'] }] : [],
        maySend: access === 'full' && (await mayWrite(name)),
        quotaBytes: null,
        former: false,
      }
    },

    async address(name: string, source: Of<'address'>): Promise<AddressSubject> {
      const access = source.removed ? 'none' : await dueOf(source.resourceId, source.of === 'site' ? 'hosting' : 'mail')
      const senders =
        source.of === 'site'
          ? [name.slice(1)]
          : [...(await readersOf(source)), ...(await sitesThatSend(source.memberId))]
      return {
        kind: 'address',
        name,
        access,
        delivery: await deliveryOf(source),
        senders: [...new Set(senders)].toSorted(),
      }
    },
  }
}
