// Once an hour: sites that were asked for many times their usual are told to the association in one letter. That is how an
// attack on a site shows first, and what a stranger serves from it. Nothing is closed by it.
import type { Core } from '../core.ts'
import type { Instant } from '../domain/time.ts'
import { busiest, HOUR_MS, hourOf, type Share, type Traffic } from '../domain/traffic.ts'
import { isFirstOfDay, type Letter, type Suspected, tellAll, USUAL_MS } from './spikes.ts'

/** Less than both in an hour is nobody's attack. */
const LEAST = { bytes: 500_000_000, requests: 10_000 }
/** So many times the usual. */
const TIMES = 5
const measures = ['bytes', 'requests'] as const

export type TrafficSpike = {
  siteId: string
  site: string
  member: string
  at: Instant
  bytes: number
  requests: number
  /** The busiest hour of two weeks. */
  usual: { bytes: number; requests: number }
  path?: Share
  address?: Share
}
export type TrafficLetter = Letter<TrafficSpike>

const most = (hours: readonly Traffic[], measure: (typeof measures)[number]): number =>
  Math.max(0, ...hours.map((hour) => hour[measure]))

export const tellTraffic = (core: Core, letter: TrafficLetter) => {
  const { store, clock, log } = core

  async function spikeOf(siteId: string, from: Instant): Promise<TrafficSpike | undefined> {
    const hours = await store.traffic.hours(siteId, from - USUAL_MS)
    const [before, recent] = [hours.filter(({ at }) => at < from), hours.filter(({ at }) => at >= from)]
    const usual = { bytes: most(before, 'bytes'), requests: most(before, 'requests') }
    const steep = recent.filter((hour) =>
      measures.some((measure) => hour[measure] >= LEAST[measure] && hour[measure] >= TIMES * usual[measure]),
    )
    const worst = steep.toSorted((a, b) => b.bytes - a.bytes || b.requests - a.requests)[0]
    if (!worst) return undefined
    const site = await store.resources.get(siteId)
    if (!site || site.removedAt !== null) return undefined
    const [path, address] = [busiest(worst.paths, 1)[0], busiest(worst.addresses, 1)[0]]
    const member = (await store.members.get(site.memberId))?.name ?? ''
    const { at, bytes, requests } = worst
    return {
      siteId,
      site: site.name,
      member,
      at,
      bytes,
      requests,
      usual,
      ...(path && { path }),
      ...(address && { address }),
    }
  }

  /** Tells what is to be told now; how many sites. */
  return async (): Promise<number> => {
    // The hour that runs and the one before: what began at its end is not missed.
    const from = hourOf(clock.now()) - HOUR_MS
    const busy = (await store.traffic.totals(from, clock.now() + 1)).filter((one) =>
      measures.some((measure) => one[measure] >= LEAST[measure]),
    )
    const told: Suspected<TrafficSpike>[] = []
    for (const { siteId } of busy) {
      const spike = await spikeOf(siteId, from)
      const key = `traffic ${siteId}`
      if (spike && (await isFirstOfDay(core, key))) told.push({ key, spike })
    }
    const count = await tellAll(core, told, letter)
    if (count > 0) log.warn('site.traffic_spikes', { sites: told.map(({ spike }) => spike.site) })
    return count
  }
}
