// Attacks by addresses that the server is made to call.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addClient } from '../../src/usecases/clients.ts'
import { type Browser, createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { freePort } from '../support/ports.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let ada: Person
let browser: Browser

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
})
beforeAll(async () => {
  browser = createBrowser()
  await signInAt(rp, browser, house.issuer, 'ada', ada.password)
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

const basic = (at = rp) => `Basic ${Buffer.from(`${at.clientId}:${at.clientSecret}`).toString('base64')}`
const post = (path: string, body: Record<string, string>, at: RelyingParty | undefined = rp) =>
  fetch(house.issuer + path, {
    method: 'POST',
    headers: at ? { authorization: basic(at) } : {},
    body: new URLSearchParams(body),
  })

describe('class 22: addresses that the server is made to call', () => {
  let inside: Server
  let address: string
  let calls: string[]

  beforeAll(async () => {
    const port = await freePort('127.0.0.11')
    inside = createServer((request, response) => {
      calls.push(request.url!)
      response.writeHead(302, { location: `${address}/further` }).end()
    }).listen(port, '127.0.0.11')
    await once(inside, 'listening')
    address = `http://127.0.0.11:${port}`
    calls = []
  })
  afterAll(() => {
    inside.close()
    inside.closeAllConnections()
  })

  test('a private address that is registered to no client is not called', async () => {
    const other = await relyingParty(house)
    const provider = await house.installation.provider()
    const client = (await provider.Client.find(other.clientId))! as {
      backchannelLogoutUri?: string
      backchannelLogout(sub: string, sid: string): Promise<void>
    }
    for (const uri of [
      `${address}/secret`,
      address.replace('127.0.0.11', '[::ffff:127.0.0.11]'),
      address.replace('127.0.0.11', '2130706443'),
    ]) {
      client.backchannelLogoutUri = uri
      await expect(client.backchannelLogout('sub', 'sid')).rejects.toThrow()
    }
    expect(calls).toEqual([])
    // Registered, it is called where it is; a redirect from there is not followed.
    const { clients } = house.installation.core.store
    const stored = (await clients.get(other.clientId))!
    await clients.update({
      ...stored,
      metadata: { ...stored.metadata, backchannel_logout_uri: `${address}/backchannel` },
    })
    client.backchannelLogoutUri = `${address}/backchannel`
    await expect(client.backchannelLogout('sub', 'sid')).rejects.toThrow()
    expect(calls).toEqual(['/backchannel'])
    // Switched off, its address is nobody's again.
    await clients.update({
      ...stored,
      metadata: { ...stored.metadata, backchannel_logout_uri: `${address}/x` },
      disabledAt: 1,
    })
    await expect(client.backchannelLogout('sub', 'sid')).rejects.toThrow()
    expect(calls).toEqual(['/backchannel'])
    await other.close()
  })

  test('nothing in a request makes the server call anybody', async () => {
    calls.length = 0
    const { url } = await rp.begin()
    for (const name of [
      'request_uri',
      'logo_uri',
      'jwks_uri',
      'sector_identifier_uri',
      'initiate_login_uri',
      'policy_uri',
      'id_token_hint',
      'claims',
    ])
      await browser.fetch(`${url}&${name}=${encodeURIComponent(`${address}/${name}`)}`)
    await browser.fetch(
      `${house.issuer}/auth?client_id=${encodeURIComponent(`${address}/metadata.json`)}&response_type=code`,
    )
    await post('/request', { client_id: rp.clientId, request_uri: `${address}/par` })
    await post('/token', { grant_type: 'authorization_code', code: 'x', redirect_uri: `${address}/r` })
    expect(calls).toEqual([])
  })

  test.each([
    'http://10.0.0.1/cb',
    'http://169.254.169.254/latest',
    'ftp://example.org/',
    'file:///etc/passwd',
    'https://user@example.org/',
    'https://example.org/#x',
    'https://*.example.org/',
    'gopher://127.0.0.1:1/',
    'x',
  ])('a client cannot be registered with %s', async (url) => {
    const input = {
      kind: 'other',
      name: 'x',
      url: 'https://example.org',
      plugin: undefined,
      redirectUris: [url],
      actor: 'test',
    }
    await expect(addClient(house.installation.core)(input)).rejects.toMatchObject({ code: 'invalid_value' })
  })
})
