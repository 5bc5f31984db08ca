// Whom and what the audit's entries are about, by the names that people know: looked up once for all rows of a page.
import type { AuditRow } from '../../src/ports.ts'
import { targetOf } from '../../src/usecases/suspend.ts'
import type { Texts } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'

/** The name of one thing of a kind; where none is found, its id, which is short when nobody can read it. */
export type Names = (kind: string, id: string) => string
type Reference = readonly [kind: string, id: string]

const isUuid = (id: string): boolean => /^[0-9a-f-]{36}$/.test(id)
const short = (id: string): string => (isUuid(id) ? id.slice(0, 8) : id)

type Look = (id: string) => Promise<string | undefined>

function looksOf({ core: { store } }: Desk, { t, day, money }: Texts): Record<string, Look> {
  const account: Look = async (id) => (isUuid(id) ? (await store.accounts.get(id))?.username : undefined)
  const client: Look = async (id) => (await store.clients.get(id))?.name
  const resource: Look = async (id) => (await store.resources.get(id))?.name
  async function member(id: string): Promise<string | undefined> {
    const found = await store.members.get(id)
    return found && `${found.memberNumber} ${found.name}`
  }
  async function line(id: string): Promise<string | undefined> {
    const found = await store.bank.line(id)
    return found && `${day(found.valueOn)} · ${money(found.cents)}`
  }
  async function override(id: string): Promise<string | undefined> {
    const found = await store.overrides.get(id)
    if (!found) return undefined
    const target = targetOf(found)
    if ('resourceId' in target) return resource(target.resourceId)
    return 'accountId' in target ? account(target.accountId) : member(target.memberId)
  }
  async function service(name: string): Promise<string | undefined> {
    if (name === 'provider') return t('admin.service.provider')
    const clientId = /^logout\/(.+)$/.exec(name)?.[1]
    return clientId && t('admin.service.logout', { client: (await client(clientId)) ?? clientId })
  }
  /** Of what is read as a whole: once, however many rows are about it. */
  function among(list: (organisationId: string) => Promise<readonly { id: string; name: string }[]>): Look {
    let all: Promise<Map<string, string>> | undefined
    const read = async () => {
      const found = await Promise.all((await store.organisations.all()).map(({ id }) => list(id)))
      return new Map(found.flat().map(({ id, name }) => [id, name]))
    }
    return async (id) => {
      all ??= read()
      return (await all).get(id)
    }
  }
  return {
    account,
    member,
    client,
    site: resource,
    mailbox: resource,
    alias: resource,
    override,
    service,
    bank_line: line,
    bank_file: among((id) => store.bank.files(id)),
    tariff: among((id) => store.dues.tariffs(id)),
    organisation: among(() => store.organisations.all()),
  }
}

const strings = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')

/** Everything that a row names by its id. */
function referencesOf({ actor, action, subjectKind, subjectId, payload }: AuditRow): Reference[] {
  const of = (kind: string, value: unknown): Reference[] => strings(value).map((id) => [kind, id])
  const { memberId, payerId, clientId, clients, from, to, services } = payload
  const given = typeof to === 'string' ? /^account:(.+)$/.exec(to)?.[1] : undefined
  return [
    ['account', actor],
    [subjectKind, subjectId],
    ...of('member', [memberId, payerId]),
    ...of('client', clientId),
    ...of('client', clients),
    ...of('account', given),
    ...(action === 'affiliation.ownership_handed_over' ? of('account', [from, to]) : []),
    ...(Array.isArray(services) ? services.flatMap((one) => of('service', strings(one)[0])) : []),
  ]
}

export async function namesIn(desk: Desk, texts: Texts, rows: readonly AuditRow[]): Promise<Names> {
  const looks = looksOf(desk, texts)
  const keyOf = ([kind, id]: Reference): string => JSON.stringify([kind, id])
  const wanted = new Map(rows.flatMap(referencesOf).map((one) => [keyOf(one), one]))
  const names = new Map<string, string | undefined>()
  await Promise.all(
    [...wanted].map(async ([key, [kind, id]]) => {
      names.set(key, Object.hasOwn(looks, kind) ? await looks[kind]!(id) : undefined)
    }),
  )
  return (kind, id) => names.get(keyOf([kind, id])) ?? short(id)
}
