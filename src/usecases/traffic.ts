// What web servers tell of their sites' traffic: traced to the site by the name of its virtual host, and put on record by
// site and hour.
import { canonical } from '../domain/names.ts'
import { busiest, hourOf, type Traffic } from '../domain/traffic.ts'
import type { DoorFact } from '../plugin.ts'
import type { LightStores, Resource } from '../ports.ts'

type Told = Extract<DoorFact, { kind: 'traffic' }>

/** The site that a virtual host is: by its own name, or without or with `www.`; undefined for one that is nobody's. */
async function siteNamed(stores: Pick<LightStores, 'resources'>, vhost: string): Promise<Resource | undefined> {
  const name = canonical(vhost)
  for (const one of [name, name.startsWith('www.') ? name.slice(4) : `www.${name}`]) {
    const found = await stores.resources.byName('site', one)
    if (found && found.removedAt === null) return found
  }
  return undefined
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

/** Inside a transaction. What no site was asked for is left out. */
export async function recordTraffic(
  stores: Pick<LightStores, 'resources' | 'traffic'>,
  facts: readonly Told[],
): Promise<void> {
  const sites = new Map<string, Resource | undefined>()
  for (const { site } of facts) if (!sites.has(site)) sites.set(site, await siteNamed(stores, site))
  const rows = facts.flatMap(({ kind: _, site, at, ...told }): Traffic[] => {
    const siteId = sites.get(site)?.id
    return siteId !== undefined && isCount(told.bytes) && isCount(told.requests)
      ? [{ ...told, siteId, at: hourOf(at) }]
      : []
  })
  const hours = [...Map.groupBy(rows, ({ siteId, at }) => `${siteId} ${at}`).values()]
  await stores.traffic.add(
    hours
      .map((all): Traffic => {
        const sum = (pick: (one: Traffic) => number) => all.reduce((before, one) => before + pick(one), 0)
        return {
          siteId: all[0]!.siteId,
          at: all[0]!.at,
          bytes: sum(({ bytes }) => bytes),
          requests: sum(({ requests }) => requests),
          paths: busiest(all.flatMap(({ paths }) => paths)),
          addresses: busiest(all.flatMap(({ addresses }) => addresses)),
        }
      })
      // In one order, so that two batches at once never wait for each other.
      .toSorted((a, b) => (a.siteId === b.siteId ? a.at - b.at : a.siteId < b.siteId ? -1 : 1)),
  )
}
