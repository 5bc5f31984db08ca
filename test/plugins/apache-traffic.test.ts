// Apache's access log: lines as it writes them, lines that a visitor tries to write, and a log that is followed.
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { config } from '../../plugins/apache/config.ts'
import { serve } from '../../plugins/apache/serve.ts'
import { type Hour, hoursIn, type Request, requestIn } from '../../plugins/apache/traffic.ts'
import { HOUR_MS } from '../../src/domain/traffic.ts'
import type { DoorHost, ServedDoors } from '../../src/plugin.ts'
import { pluginHost } from '../support/subjects.ts'

const AT = Date.UTC(2026, 10, 23, 14, 32, 38)
const HOUR = Date.UTC(2026, 10, 23, 14)
type Said = {
  vhost?: string
  address?: string
  user?: string
  time?: string
  request?: string
  size?: string
  referer?: string
  agent?: string
}
const line = ({
  vhost = 'velo.example',
  address = '192.0.2.1',
  user = '-',
  time = '23/Nov/2026:15:32:38 +0100',
  request = 'GET /a?b=secret HTTP/1.1',
  size = '1234',
  referer = '-',
  agent = 'x',
}: Said = {}) => `${vhost}:443 ${address} - ${user} [${time}] "${request}" 200 ${size} "${referer}" "${agent}"`
const same = (name: string) => name

describe('a line', () => {
  test('as Apache writes it; what follows a question mark is nobody’s business', () => {
    expect(requestIn(line())).toEqual({ vhost: 'velo.example', address: '192.0.2.1', at: AT, path: '/a', bytes: 1234 })
  })

  test.each<[Said, Partial<Request>]>([
    [{ time: '23/Nov/2026:09:02:38 -0530' }, { at: AT }],
    [{ vhost: 'VELO.example' }, { vhost: 'velo.example' }],
    [{ address: '2001:db8::1' }, { address: '2001:db8::1' }],
    [{ size: '-' }, { bytes: 0 }],
    [{ request: '-' }, { path: '-' }],
    [{ request: '\\x16\\x03\\x01' }, { path: '-' }],
    [{ request: 'GET /a\\"b HTTP/1.1' }, { path: '/a\\"b' }],
    [{ user: 'Zo\\xc3\\xa9 von A' }, { path: '/a' }],
    // What a visitor chooses: a user's name, a referer and a program that look like the rest of the line.
    [
      { user: 'x [01/Jan/2020:00:00:00 +0000] \\"GET /evil HTTP/1.1\\" 200 999999999' },
      { at: AT, path: '/a', bytes: 1234 },
    ],
    [{ user: 'x [01/Jan/2020:00:00:00 +0000]' }, { at: AT, bytes: 1234 }],
    [
      { referer: 'x [01/Jan/2020:00:00:00 +0000] ', agent: ' 200 999999999 ' },
      { at: AT, bytes: 1234 },
    ],
    [{ request: 'GET / HTTP/1.1\\" 200 999999999' }, { path: '/', bytes: 1234 }],
  ])('%j', (said, wanted) => {
    expect(requestIn(line(said))).toMatchObject(wanted)
  })

  test.each([
    '',
    'x',
    line().slice(0, 60),
    line({ vhost: '<b>' }),
    line({ time: '23/Foo/2026:15:32:38 +0100' }),
    line({ size: '1e9' }),
    '192.0.2.1 - - [23/Nov/2026:15:32:38 +0100] "GET / HTTP/1.1" 200 5',
  ])('%j is none', (text) => {
    expect(requestIn(text)).toBeUndefined()
  })

  test('whatever it is, it is read at once and breaks nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 300 }), (text) => {
        requestIn(text)
        requestIn(line({ user: text, request: text, agent: text }))
      }),
    )
    const long = line({ user: ' [23/Nov/2026:15:32:38 +0100]'.repeat(2000) })
    const begun = performance.now()
    requestIn(long)
    requestIn(`velo.example:443 ${'a '.repeat(30_000)}`)
    expect(performance.now() - begun).toBeLessThan(2000)
  })
})

describe('hours', () => {
  test('each site and hour by itself, with what stood out', () => {
    const lines = [
      ...Array.from({ length: 30 }, (_, at) =>
        line({ request: `GET /p${at} HTTP/1.1`, size: '10', address: `192.0.2.${at}` }),
      ),
      line({ request: 'GET /film.mp4 HTTP/1.1', size: '900000' }),
      line({ vhost: 'www.velo.example', size: '7' }),
      line({ time: '23/Nov/2026:16:00:00 +0100', size: '5' }),
      'half a li',
    ]
    const hours = hoursIn(lines, same, AT + HOUR_MS)
    expect(hours.map(({ site, at, bytes, requests }) => [site, at, bytes, requests])).toEqual([
      ['velo.example', HOUR, 900_300, 31],
      ['velo.example', HOUR + HOUR_MS, 5, 1],
      ['www.velo.example', HOUR, 7, 1],
    ])
    expect(hours[0]!.paths).toHaveLength(10)
    expect(hours[0]!.paths[0]).toEqual({ value: '/film.mp4', bytes: 900_000, requests: 1 })
    expect(hours[0]!.addresses[0]!.value).toBe('192.0.2.1')
  })

  test('what is dated in days to come is left out', () => {
    expect(hoursIn([line({ time: '23/Nov/2036:15:32:38 +0100' })], same, AT)).toEqual([])
  })
})

describe('a log that is followed', () => {
  let dir: string
  let log: string
  let told: Hour[]
  let doors: ServedDoors | undefined
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'traffic-'))
    log = join(dir, 'access.log')
    told = []
  })
  afterEach(async () => {
    await doors?.close()
    await rm(dir, { recursive: true })
  })
  const start = async () => {
    const settings = config.parse({ folder: dir, accessLogs: [log], aliases: { 'velo.example': ['bike.example'] } })
    const host = { ...pluginHost(dir), now: () => AT, report: async (fact: Hour) => void told.push(fact) }
    doors = await serve(settings, host as unknown as DoorHost, 10)
  }
  const sum = () => told.reduce((all, { requests }) => all + requests, 0)

  test('from where it was left, half lines once they are whole, over a rotation, by the site’s own name', async () => {
    await writeFile(log, `${line()}\n`)
    await start()
    // What is before the first start is not ours to tell; when that was, the file does not say.
    const more = async () => {
      await appendFile(log, `${line({ vhost: 'bike.example' })}\n`)
      return sum()
    }
    await expect.poll(more, { timeout: 10_000 }).toBeGreaterThan(0)
    expect(new Set(told.map(({ site }) => site))).toEqual(new Set(['velo.example']))
    await doors!.close()
    const [first, rest] = [line().slice(0, 40), line().slice(40)]
    const before = sum()
    await appendFile(log, first)
    await start()
    await appendFile(log, `${rest}\n${line()}\n`)
    await expect.poll(sum, { timeout: 10_000 }).toBeGreaterThanOrEqual(before + 2)
    const after = sum()
    await rename(log, `${log}.1`)
    await appendFile(`${log}.1`, `${line()}\n`)
    await writeFile(log, `${line()}\n`)
    await expect.poll(sum, { timeout: 20_000 }).toBe(after + 2)
  }, 30_000)
})
