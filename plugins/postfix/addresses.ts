// Addresses as Postfix's maps: which mailboxes there are, where aliases go, which logins may write as whom, whose mail is
// put off, and from these which domains Postfix takes mail for.
import { join } from 'node:path'
import type { AddressSubject, Host, Name, Service } from '../../src/plugin.ts'
import { locked, mustBeFolder, mustBeHere } from '../../src/plugin-files.ts'
import { mustUse } from './check.ts'
import type { PostfixConfig } from './config.ts'
import { type Held, type MapFile, mapFile } from './map-file.ts'
import { domainOf, isAddressKey, isLogin, isPlainAddress, unusable } from './names.ts'
import { report } from './refused.ts'

/** A map's name, and its value for one address. The value of a mailbox is not looked at: it is the key that counts. */
const maps = ['mailboxes', 'aliases', 'senders', 'incoming'] as const
type MapName = (typeof maps)[number]
const DOMAINS = 'domains'
export const SENDERS = 'senders'

/** What Postfix holds of one address. `drift`: maps in which table and source, or address and domain, do not agree. */
export type AddressRow = { readonly [K in MapName]?: string } & { readonly drift?: readonly string[] }

const PUT_OFF = '450 4.2.1 This mailbox takes no mail for the moment'
/** The value of a key that is only there. */
const THERE = 'schedar'

function rowOf({ access, delivery, senders }: AddressSubject, incoming: PostfixConfig['incoming']): AddressRow | null {
  const row: AddressRow = {
    ...(delivery && 'mailbox' in delivery && { mailboxes: THERE }),
    ...(delivery && 'targets' in delivery && delivery.targets.length > 0 && { aliases: delivery.targets.join(', ') }),
    ...(access !== 'none' && senders.length > 0 && { senders: senders.toSorted().join(', ') }),
    ...(access === 'none' && delivery && incoming === 'defer' && { incoming: PUT_OFF }),
  }
  return Object.keys(row).length > 0 ? row : null
}

const words = (list = ''): string[] => list.split(', ').filter(Boolean)
const isUsable = (name: Name, row: AddressRow | null): boolean =>
  isAddressKey(name) && words(row?.aliases).every(isPlainAddress) && words(row?.senders).every(isLogin)

export function addresses(config: PostfixConfig, { log }: Host): Service<AddressSubject, AddressRow> {
  const { folder, host, configDir } = config
  const open = (name: string): MapFile => mapFile(join(folder, name), configDir)
  const files = maps.map((name) => ({ name, file: open(name) }))
  const domains = open(DOMAINS)
  const lock = join(folder, 'addresses.lock')

  /** Domains of the addresses that mail comes to. */
  async function wantedDomains(): Promise<Set<Name>> {
    const receiving = files.filter(({ name }) => name === 'mailboxes' || name === 'aliases')
    const sources = await Promise.all(receiving.map(({ file }) => file.source()))
    const found = new Set<Name>()
    for (const { ours } of sources) for (const key of ours.keys()) found.add(domainOf(key))
    return found
  }

  async function applyDomains(signal: AbortSignal): Promise<void> {
    const [wanted, { ours, foreign }] = await Promise.all([wantedDomains(), domains.source()])
    // One that an administrator wrote there is taken already: it stays as it is, without a complaint.
    for (const domain of foreign) wanted.delete(domain)
    const isSame = wanted.size === ours.size && [...wanted].every((domain) => ours.has(domain))
    if (isSame && !domains.hasDrifted()) return
    const held = await domains.observe('all', signal)
    const changes = new Map<Name, string | null>()
    for (const domain of held.keys()) if (!wanted.has(domain)) changes.set(domain, null)
    for (const domain of wanted) if (!('value' in (held.get(domain) ?? {}))) changes.set(domain, THERE)
    if (changes.size > 0) await domains.apply(changes, signal)
  }

  /** Those of the domains that are not in the map as they should be. */
  async function lostDomains(wanted: readonly Name[], signal: AbortSignal): Promise<Set<Name>> {
    const [held, { foreign }] = await Promise.all([domains.observe(wanted, signal), domains.source()])
    return new Set(wanted.filter((domain) => !foreign.has(domain) && !('value' in (held.get(domain) ?? {}))))
  }

  return {
    async check(signal) {
      mustBeHere(host, folder)
      await mustBeFolder(folder)
      await locked(lock, signal, async () => {
        for (const { file } of files) await file.observe(['nobody@schedar.invalid'], signal)
        await domains.observe('all', signal)
      })
      await mustUse(
        config,
        [
          { map: 'mailboxes', where: 'virtual_mailbox_maps' },
          { map: 'aliases', where: 'virtual_alias_maps' },
          { map: 'senders', where: 'smtpd_sender_login_maps' },
          { map: DOMAINS, where: 'virtual_mailbox_domains' },
          ...(config.incoming === 'defer' ? [{ map: 'incoming', where: 'check_recipient_access' }] : []),
        ],
        signal,
      )
    },

    async *list(signal) {
      const held = await Promise.all(files.map(({ file }) => file.observe('all', signal)))
      yield* new Set(held.flatMap((rows) => [...rows.keys()]).filter(isAddressKey))
    },

    async observe(names, signal) {
      const keys = names.filter(isAddressKey)
      if (keys.length === 0) return new Map()
      const held = await Promise.all(files.map(({ file }) => file.observe(keys, signal)))
      const of = (key: Name, name: MapName): Held | undefined => held[maps.indexOf(name)]?.get(key)
      const isReceiving = (key: Name) => of(key, 'mailboxes') !== undefined || of(key, 'aliases') !== undefined
      const lost = await lostDomains([...new Set(keys.filter(isReceiving).map(domainOf))], signal)
      const rows = new Map<Name, AddressRow>()
      for (const key of keys) {
        const found = maps.map((name) => [name, of(key, name)] as const).filter(([, row]) => row)
        const drift: string[] = found.flatMap(([name, row]) => (row && 'drift' in row ? [name] : []))
        if (isReceiving(key) && lost.has(domainOf(key))) drift.push(DOMAINS)
        const values = found.flatMap(([name, row]) => (row && 'value' in row ? [[name, row.value]] : []))
        if (found.length > 0) rows.set(key, { ...Object.fromEntries(values), ...(drift.length > 0 && { drift }) })
      }
      return rows
    },

    render: (subject) => rowOf(subject, config.incoming),

    async apply(changes, signal) {
      mustBeHere(host, folder)
      await mustBeFolder(folder)
      const usable = [...changes].filter(([name, row]) => isUsable(name, row))
      if (usable.length > 0)
        await locked(lock, signal, async () => {
          const results = await Promise.allSettled(
            files.map(async ({ name, file }) => {
              const wanted = new Map(usable.map(([key, row]) => [key, row?.[name] ?? null] as const))
              report(log, file.path, await file.apply(wanted, signal), wanted)
            }),
          )
          // Last: a domain is taken once its addresses are known, so that no address of it is refused in between.
          await applyDomains(signal)
          for (const result of results) if (result.status === 'rejected') throw result.reason
        })
      // After the others: one that cannot be written must not keep a batch from being applied.
      if (usable.length < changes.size)
        throw unusable(
          'address',
          [...changes].flatMap(([name, row]) => (isUsable(name, row) ? [] : [name])),
        )
    },

    close: async () => undefined,
  }
}
