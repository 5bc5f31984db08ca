// Looking for the proof of a site, against a real DNS server and a real web server: what is seen, and what is never asked.
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { siteProbe } from '../../adapters/net/site-probe.ts'
import { SITE_HOST, type SiteHost, startSiteHost } from '../support/site-host.ts'

const NAME = 'velo.example'
const PATH = '/.well-known/schedar-site.txt'
let host: SiteHost
let inside: Server
let touched = 0

beforeAll(async () => {
  host = await startSiteHost([NAME, 'autre.example'])
  // Something that listens where nobody may look: at the same port of another private address.
  inside = createServer((socket) => {
    touched++
    socket.destroy()
  }).listen(host.port, '127.0.0.22')
  await once(inside, 'listening')
})
afterAll(async () => {
  inside.close()
  await host.stop()
})
beforeEach(() => {
  host.dns.zones.clear()
  host.sites.clear()
  host.asked.length = 0
  host.dns.asked.length = 0
  touched = 0
})
const probe = (more = {}) => siteProbe({ ...host.config, timeoutSeconds: 2, ...more })
const file = () => probe().file(NAME, PATH)

describe('the file', () => {
  test('its text, from the very name and path', async () => {
    host.show(NAME, 'schedar-site=x\n')
    expect(await file()).toEqual({ seen: 'text', text: 'schedar-site=x\n' })
    expect(host.asked).toEqual([`${NAME} ${PATH}`])
  })

  test.each([404, 403, 500, 204])('%i is no file', async (status) => {
    host.show(NAME, '')
    host.sites.set(NAME, (_request, response) => response.writeHead(status).end())
    expect(await file()).toEqual({ seen: 'status', status })
  })

  test.each([
    ['https://autre.example/x', 'autre.example'],
    ['http://127.0.0.22/x', '127.0.0.22'],
    ['/elsewhere', NAME],
  ])('a redirect to %s is told and not followed', async (location, to) => {
    host.show('autre.example', 'schedar-site=x')
    host.show(NAME, '')
    host.sites.set(NAME, (_request, response) => response.writeHead(302, { location }).end('schedar-site=x'))
    expect(await file()).toEqual({ seen: 'redirect', host: to })
    expect([host.asked.length, touched]).toEqual([1, 0])
  })

  test('a redirect to nowhere is an answer like others', async () => {
    host.show(NAME, '')
    host.sites.set(NAME, (_request, response) => response.writeHead(302, { location: 'http://[' }).end())
    expect(await file()).toEqual({ seen: 'status', status: 302 })
  })

  test('more than a proof is not read', async () => {
    host.show(NAME, '')
    let closed = false
    host.sites.set(NAME, (_request, response) => {
      response.on('close', () => {
        closed = true
      })
      const pour = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
        if (!response.destroyed) response.once('drain', pour)
      }
      pour()
    })
    expect(await file()).toEqual({ seen: 'large' })
    await expect.poll(() => closed).toBe(true)
  })

  test.each(['before its head', 'within its body'])('one that stops %s is slow', async (when) => {
    host.show(NAME, '')
    host.sites.set(NAME, (_request, response) => {
      if (when === 'within its body') response.write('schedar')
    })
    expect(await file()).toEqual({ seen: 'slow' })
  })

  test('another’s certificate, and a port where nothing is', async () => {
    host.dns.zones.set('stranger.example', { A: [SITE_HOST] })
    expect(await probe().file('stranger.example', PATH)).toEqual({ seen: 'certificate' })
    expect(host.asked).toEqual([])
    host.dns.zones.set(NAME, { A: ['127.0.0.23'] })
    expect(await probe({ reach: ['127.0.0.0/8'] }).file(NAME, PATH)).toEqual({ seen: 'unreachable' })
  })

  test('a name without an address, and one of which DNS says nothing', async () => {
    expect(await file()).toEqual({ seen: 'no_address' })
    host.dns.zones.set(NAME, 'silent')
    expect(await file()).toEqual({ seen: 'slow' })
  })
})

describe('class 22: where a name may lead', () => {
  test.each([
    [{ A: ['127.0.0.22'] }],
    [{ A: ['169.254.169.254'] }],
    [{ A: ['10.0.0.1'] }],
    [{ A: ['0.0.0.0'] }],
    [{ AAAA: ['::1'] }],
    [{ AAAA: ['::ffff:7f00:16'] }],
    [{ AAAA: ['64:ff9b::7f00:16'] }],
    [{ AAAA: ['fe80::1'] }],
    // One that may be among those that may not.
    [{ A: [SITE_HOST, '127.0.0.22'] }],
    [{ A: [SITE_HOST], AAAA: ['::1'] }],
  ])('%j is not asked', async (zone) => {
    host.dns.zones.set(NAME, zone)
    expect(await file()).toEqual({ seen: 'address_refused' })
    expect([host.asked, touched]).toEqual([[], 0])
  })

  test('rebinding: it is resolved once, and that address asked', async () => {
    let asked = 0
    host.show(NAME, 'schedar-site=x')
    host.dns.zones.set(NAME, { A: () => (asked++ === 0 ? [SITE_HOST] : ['127.0.0.22']) })
    expect(await file()).toEqual({ seen: 'text', text: 'schedar-site=x' })
    expect([asked, touched]).toEqual([1, 0])
    expect(await file()).toEqual({ seen: 'address_refused' })
    expect(touched).toBe(0)
  })
})

describe('DNS', () => {
  const texts = () => probe().texts(`_schedar.${NAME}`)
  test('each text, nothing, and no answer', async () => {
    expect(await texts()).toEqual({ seen: 'nothing' })
    host.dns.zones.set(`_schedar.${NAME}`, { TXT: ['v=spf1 -all', 'schedar-site=x'] })
    expect(await texts()).toEqual({ seen: 'texts', texts: ['v=spf1 -all', 'schedar-site=x'] })
    host.dns.zones.set(`_schedar.${NAME}`, { A: [SITE_HOST] })
    expect(await texts()).toEqual({ seen: 'nothing' })
    host.dns.zones.set(`_schedar.${NAME}`, 'silent')
    expect(await texts()).toEqual({ seen: 'unanswered' })
  })
})
