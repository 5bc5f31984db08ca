// Spikes: once an hour, logins and members that sent many times their usual in the last hour are told to the association in
// one letter. Nothing is stopped by it: what goes over a limit was held already.
import type { Core } from '../core.ts'
import type { Sent } from '../ports.ts'
import { isFirstOfDay, type Letter, type Suspected, tellAll, USUAL_MS } from './spikes.ts'

const HOUR_MS = 3_600_000
/** Fewer recipients in an hour are nobody's spike. */
const LEAST = 50
/** So many times the usual. */
const TIMES = 3
const MOST = 10_000

/** `member`: by name. `login` is missing when no login alone, but all of the member's together, sent so much. */
export type Spike = { login?: string; member: string; recipients: number; usual: number }
export type SpikeLetter = Letter<Spike>

type Found = { of: { login: string } | { memberId: string }; memberId: string | null; recipients: number }

const keyOf = ({ of }: Found): string => ('login' in of ? of.login : of.memberId)

/** Logins over the least, and members whose logins are so only together. */
function busy(sent: readonly Sent[]): Found[] {
  const logins = sent
    .filter(({ recipients }) => recipients >= LEAST)
    .map(({ login, memberId, recipients }): Found => ({ of: { login }, memberId, recipients }))
  const members = [...Map.groupBy(sent, ({ memberId }) => memberId)].flatMap(([memberId, all]): Found[] => {
    const recipients = all.reduce((sum, one) => sum + one.recipients, 0)
    return memberId !== null && all.length > 1 && recipients >= LEAST
      ? [{ of: { memberId }, memberId, recipients }]
      : []
  })
  return [...logins, ...members]
}

export const tellSpikes = (core: Core, letter: SpikeLetter) => {
  const { store, clock, log } = core

  /** Recipients in the busiest hour of the days before the last hour. */
  async function usualOf({ of }: Found, at: number): Promise<number> {
    const hours = await store.outgoing.volume(at - HOUR_MS - USUAL_MS, HOUR_MS, of)
    return Math.max(0, ...hours.filter((hour) => hour.at < at - HOUR_MS).map(({ recipients }) => recipients))
  }

  /** Over its usual, not told of within a day, and not stopped, which was told when it was. */
  async function isSpike(found: Found, usual: number): Promise<boolean> {
    if (found.recipients < TIMES * usual) return false
    if ('login' in found.of && (await store.quarantines.ofLogin(found.of.login))) return false
    return isFirstOfDay(core, keyOf(found))
  }

  async function spikeOf({ of, memberId, recipients }: Found, usual: number): Promise<Spike> {
    const login = 'login' in of ? of.login : undefined
    const member = (memberId && (await store.members.get(memberId))?.name) || login || ''
    return { member, recipients, usual, ...(login !== undefined && { login }) }
  }

  /** Tells what is to be told now; how many spikes. A letter that cannot be sent is tried again an hour later. */
  return async (): Promise<number> => {
    const at = clock.now()
    const told: Found[] = []
    const spikes: Suspected<Spike>[] = []
    for (const found of busy(await store.outgoing.sent(at - HOUR_MS, MOST))) {
      // A login that is told of explains its member.
      if ('memberId' in found.of && told.some(({ memberId }) => memberId === found.memberId)) continue
      const usual = await usualOf(found, at)
      if (!(await isSpike(found, usual))) continue
      told.push(found)
      spikes.push({ key: keyOf(found), spike: await spikeOf(found, usual) })
    }
    const count = await tellAll(core, spikes, letter)
    if (count > 0) log.warn('mail.spikes', { count })
    return count
  }
}
