// Logins and addresses as mail services need them: what each may, with which passwords, and where its mail goes.
import type { Access } from './domain/access.ts'
import { formerCounts } from './domain/app-passwords.ts'
import { civilDate } from './domain/time.ts'
import type { AddressSubject, LoginPassword, LoginSubject } from './plugin.ts'
import type { AppPassword, Clock, Mailbox, Stores, SubjectSource } from './ports.ts'

type Asked = Pick<Stores, 'mailSubjects' | 'organisations'>
type Of<K extends SubjectSource['kind']> = Extract<SubjectSource, { kind: K }>
/** A subject's name, what it is, and what it is due. */
export type Due<K extends SubjectSource['kind']> = { name: string; source: Of<K>; access: Access }

/** Mail servers compare the hexadecimal SHA-256 of what was typed. */
const hex = (digest: string): string => Buffer.from(digest, 'base64url').toString('hex')

const passwordOf = ({ id, digest, groupedDigest, scopes }: AppPassword): LoginPassword => ({
  id,
  digests: [digest, ...(groupedDigest ? [groupedDigest] : [])].map(hex),
  scopes,
})

export function mailSubjects({ mailSubjects: store, organisations }: Asked, clock: Clock) {
  /** Whether the host's own former password counts today. */
  async function stillFormer(boxes: ReadonlyMap<string, Mailbox>): Promise<(resourceId: string) => boolean> {
    const dated = [...boxes.values()].some(({ formerUntilOn }) => formerUntilOn !== null)
    const [organisation] = dated ? await organisations.all() : []
    const today = civilDate(clock.now(), organisation?.timeZone ?? 'Europe/Brussels')
    return (resourceId) => formerCounts(boxes.get(resourceId), today)
  }

  return {
    async logins(dues: readonly Due<'login'>[]): Promise<LoginSubject[]> {
      const inside = dues.filter(({ access }) => access !== 'none')
      const [boxes, passwords, stopped] = await Promise.all([
        store.mailboxes(dues.map(({ source }) => source.mailboxId)),
        store.appPasswords([...new Set(inside.map(({ source }) => source.accountId))]),
        store.quarantined(inside.map(({ name }) => name)),
      ])
      const byAccount = Map.groupBy(passwords, ({ accountId }) => accountId)
      const former = await stillFormer(boxes)
      return dues.map(({ name, source: { accountId, mailboxId, mailbox }, access }) => ({
        kind: 'login',
        name,
        access,
        mailbox,
        passwords: access === 'none' ? [] : (byAccount.get(accountId) ?? []).map(passwordOf),
        maySend: access === 'full' && !stopped.has(name),
        quotaBytes: boxes.get(mailboxId)?.quotaBytes ?? null,
        former: access !== 'none' && former(mailboxId),
      }))
    },

    async siteLogins(dues: readonly Due<'site_login'>[]): Promise<LoginSubject[]> {
      const [digests, stopped] = await Promise.all([
        store.siteDigests(dues.map(({ source }) => source.resourceId)),
        store.quarantined(dues.map(({ name }) => name)),
      ])
      return dues.map(({ name, source: { resourceId: id }, access }) => {
        const digest = access === 'none' ? undefined : digests.get(id)
        return {
          kind: 'login',
          name,
          access: digest ? access : 'none',
          mailbox: '',
          passwords: digest ? [{ id, digests: [hex(digest)], scopes: ['smtp'] }] : [],
          maySend: digest !== undefined && access === 'full' && !stopped.has(name),
          quotaBytes: null,
          former: false,
        }
      })
    },

    async addresses(dues: readonly Due<'address'>[]): Promise<AddressSubject[]> {
      const of = (kind: Of<'address'>['of']) =>
        dues.filter(({ source }) => source.of === kind).map(({ source }) => source.resourceId)
      const [boxes, targets, senders] = await Promise.all([
        store.mailboxes(of('mailbox')),
        store.targets(of('alias')),
        store.senders([...of('mailbox'), ...of('alias')]),
      ])
      const deliveryOf = ({ of: kind, resourceId, removed }: Of<'address'>): AddressSubject['delivery'] => {
        if (kind === 'site' || removed) return null
        if (kind === 'alias') return { targets: targets.get(resourceId) ?? [] }
        return { mailbox: { quotaBytes: boxes.get(resourceId)?.quotaBytes ?? null } }
      }
      return dues.map(({ name, source, access }) => ({
        kind: 'address',
        name,
        access,
        delivery: deliveryOf(source),
        senders: source.of === 'site' ? [name.slice(1)] : (senders.get(source.resourceId) ?? []),
      }))
    },
  }
}
