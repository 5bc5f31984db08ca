// Lines of Apache's access log (LogFormat vhost_combined: `%v:%p %h %l %u %t "%r" %>s %O …`) → how much each site sent, by the
// hour, to which addresses and of which paths. %v is the name that the configuration gives the site, never the visitor's.
import { busiest, hourOf, type Share } from '../../src/domain/traffic.ts'
import type { DoorFact } from '../../src/plugin.ts'

export type Hour = Extract<DoorFact, { kind: 'traffic' }>

/**
 * What a visitor wrote has its quotes escaped (mod_log_config, « Security Considerations »), the user's name too: the first
 * date that a bare quote follows is Apache's own, and what comes after the request's closing quote as well.
 */
const LINE =
  /^([A-Za-z0-9.-]{1,253}):\d{1,5} (\S{1,64}) \S{1,256} .{1,1024}? \[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})\] "((?:[^"\\]|\\.)*)" \d{3} (\d{1,15}|-)(?: |$)/
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** Without what follows a question mark: it may be somebody's secret. */
const PATH = /^\S{1,20} ([^\s?]{1,400})/

export type Request = { vhost: string; address: string; at: number; path: string; bytes: number }

/** Undefined for a line that is none. */
export function requestIn(line: string): Request | undefined {
  const found = LINE.exec(line)
  if (!found) return undefined
  const [
    ,
    vhost = '',
    address = '',
    day,
    month = '',
    year,
    hour,
    minute,
    second,
    sign,
    ahead,
    more,
    request = '',
    size,
  ] = found
  const local = Date.UTC(Number(year), MONTHS.indexOf(month), Number(day), Number(hour), Number(minute), Number(second))
  const offsetMs = (Number(ahead) * 60 + Number(more)) * 60_000
  const at = local - (sign === '-' ? -offsetMs : offsetMs)
  if (!MONTHS.includes(month) || !Number.isFinite(at)) return undefined
  const path = PATH.exec(request)?.[1] ?? '-'
  return { vhost: vhost.toLowerCase(), address, at, path, bytes: size === '-' ? 0 : Number(size) }
}

type Sum = { bytes: number; requests: number; paths: Map<string, Share>; addresses: Map<string, Share> }

function count(shares: Map<string, Share>, value: string, bytes: number): void {
  const share = shares.get(value)
  if (share) {
    share.bytes += bytes
    share.requests++
  } else shares.set(value, { value, bytes, requests: 1 })
}

/** `siteOf`: the site that a virtual host is. What is dated later than `latest` is left out: no clock of ours said that. */
export function hoursIn(lines: readonly string[], siteOf: (vhost: string) => string, latest: number): Hour[] {
  const sums = new Map<string, Map<number, Sum>>()
  for (const line of lines) {
    const request = requestIn(line)
    if (!request || request.at > latest) continue
    const site = siteOf(request.vhost)
    const hours = sums.get(site) ?? new Map<number, Sum>()
    sums.set(site, hours)
    const at = hourOf(request.at)
    const sum = hours.get(at) ?? { bytes: 0, requests: 0, paths: new Map(), addresses: new Map() }
    hours.set(at, sum)
    sum.bytes += request.bytes
    sum.requests++
    count(sum.paths, request.path, request.bytes)
    count(sum.addresses, request.address, request.bytes)
  }
  return [...sums].flatMap(([site, hours]) =>
    [...hours].map(
      ([at, { bytes, requests, paths, addresses }]): Hour => ({
        kind: 'traffic',
        site,
        at,
        bytes,
        requests,
        paths: busiest(paths.values()),
        addresses: busiest(addresses.values()),
      }),
    ),
  )
}
