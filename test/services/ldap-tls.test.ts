// LDAP in private: ldaps and StartTLS with the certificate and its name verified, and nothing in the clear elsewhere
// (attack 18). The server here takes no password and no search without TLS, so what works was encrypted.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bind, connect } from '../../adapters/ldap/connection.ts'
import { openLdapDirectory } from '../../adapters/ldap/index.ts'
import { accountOf, configFor, type Overrides, openDirectory, soon } from '../support/ldap.ts'
import { startRelay } from '../support/relay.ts'
import { type Slapd, startSlapd } from '../support/slapd.ts'
import { makeAuthority } from '../support/tls.ts'

const RIGHT = 'correct horse battery'
let slapd: Slapd
let named: Slapd
let folder: string
let otherCa: string
let bob: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ca-'))
  otherCa = (await makeAuthority(folder)).caFile
  slapd = await startSlapd()
  bob = await slapd.addPerson({ uid: 'bob', password: RIGHT })
  await slapd.require('security tls=128 simple_bind=128')
  // Its certificate is good for `localhost` only.
  named = await startSlapd({ authority: slapd.authority, names: ['DNS:localhost'] })
})
afterAll(async () => {
  await slapd?.remove()
  await named?.remove()
  await rm(folder, { recursive: true, force: true })
})

const check = async (server: Slapd, overrides: Overrides) => {
  const { directory } = await openDirectory(server, overrides)
  try {
    await directory.check(soon())
  } finally {
    await directory.close()
  }
}
const unavailable = (detail: RegExp) => ({ code: 'directory_unavailable', detail: expect.stringMatching(detail) })

describe.each([
  ['ldaps', () => ({ urls: [slapd.ldaps] })],
  ['StartTLS', () => ({ urls: [slapd.ldap], startTls: true })],
])('%s', (_, way) => {
  test('searches, binds as a person and sets a password', async () => {
    const { directory } = await openDirectory(slapd, { ...way(), caFile: slapd.authority.caFile })
    const uid = `zoe${way().urls[0]!.split(':')[0]}`
    const account = accountOf(uid, await slapd.addPerson({ uid, password: RIGHT }))
    expect((await directory.find!('bob', soon()))?.key).toBe(bob)
    expect(await directory.verify(account, RIGHT, soon())).toBe('ok')
    expect(await directory.verify(account, 'guess', soon())).toBe('wrong')
    await directory.setPassword(account, `${RIGHT} 2`, soon(), RIGHT)
    expect(await directory.verify(account, `${RIGHT} 2`, soon())).toBe('ok')
    await directory.close()
  })

  test('after a restart it is encrypted again: ldapts would go on in the clear', async () => {
    const { directory } = await openDirectory(slapd, { ...way(), caFile: slapd.authority.caFile })
    await directory.find!('bob', soon())
    await slapd.restart()
    const found = await Promise.all(Array.from({ length: 8 }, () => directory.find!('bob', soon())))
    expect(found.map((entry) => entry?.key)).toEqual(Array(8).fill(bob))
    await directory.close()
  })

  test('an unknown authority is refused', async () => {
    await expect(check(slapd, way())).rejects.toMatchObject(unavailable(/certificate/))
    await expect(check(slapd, { ...way(), caFile: otherCa })).rejects.toMatchObject(unavailable(/certificate/))
  })

  test('a silent server does not hold us up', async () => {
    const { directory } = await openDirectory(slapd, {
      ...way(),
      caFile: slapd.authority.caFile,
      connectTimeoutMs: 1000,
      timeoutMs: 1000,
    })
    await slapd.freeze()
    try {
      await expect(directory.find!('bob', soon(10_000))).rejects.toMatchObject(unavailable(/time/i))
    } finally {
      slapd.thaw()
    }
    const found = () => directory.find!('bob', soon()).catch(() => undefined)
    await expect.poll(found, { timeout: 30_000 }).toMatchObject({ key: bob })
    await directory.close()
  })
})

test('a handshake that stops after StartTLS was granted does not hold us up', async () => {
  // A relay that goes silent once the server has said yes: ldapts would wait for ever.
  const relay = await startRelay(slapd, (near, far) => {
    near.pipe(far)
    far.once('data', (granted) => {
      near.unpipe(far)
      near.write(granted)
    })
  })
  const urls = [`ldap://127.0.0.1:${relay.port}`]
  const trying = check(slapd, { urls, startTls: true, caFile: slapd.authority.caFile, connectTimeoutMs: 300 })
  await expect(trying).rejects.toMatchObject(unavailable(/StartTLS timed out/))
  relay.close()
})

test('a lost connection is never taken up again, in the clear and by nobody', async () => {
  const ca = await readFile(slapd.authority.caFile)
  const connection = await connect({ url: slapd.ldap, startTls: true, ca, connectTimeoutMs: 2000, timeoutMs: 2000 })
  await bind(connection, slapd.service.dn, slapd.service.password)
  expect(connection.alive()).toBe(true)
  await slapd.restart()
  expect(connection.alive()).toBe(false)
  for (const _ of [1, 2])
    await expect(connection.client.search('', { scope: 'base' })).rejects.toThrow(/lost|timed out/)
  await connection.close()
})

describe("the server's name", () => {
  const atName = (url: string) => url.replace('127.0.0.1', 'localhost')

  test('must be the one in the URL: Node would check StartTLS against "localhost"', async () => {
    const { caFile } = slapd.authority
    await expect(check(named, { urls: [named.ldaps], caFile })).rejects.toMatchObject(unavailable(/altnames/))
    await expect(check(named, { urls: [named.ldap], caFile, startTls: true })).rejects.toMatchObject(
      unavailable(/altnames/),
    )
    await check(named, { urls: [atName(named.ldaps)], caFile })
    await check(named, { urls: [atName(named.ldap)], caFile, startTls: true })
  })
})

describe('in the clear', () => {
  test('a server that wants TLS is told nothing but an error', async () => {
    await expect(check(slapd, {})).rejects.toMatchObject(unavailable(/LDAP result 13/))
  })

  test('ldap:// on loopback stays plain although an authority is configured', async () => {
    await check(named, { caFile: named.authority.caFile })
  })

  test('anywhere else it is refused when the directory is opened', async () => {
    const deps = { clock: { now: () => 0 }, log: { info: () => {}, warn: () => {} } }
    const open = (url: string, startTls = false) => openLdapDirectory(configFor(named, { urls: [url], startTls }), deps)
    for (const url of [
      'ldap://ldap.asso.example',
      'ldap://192.0.2.7:389',
      'ldap://127.example',
      'ldap://[2001:db8::1]',
    ])
      await expect(open(url), url).rejects.toMatchObject({
        code: 'invalid_value',
        field: 'urls',
        detail: expect.stringContaining('in the clear'),
      })
    for (const url of ['ldaps://ldap.asso.example', 'ldap://127.0.0.9', 'ldap://[::1]', 'ldap://localhost:389'])
      await open(url)
    await open('ldap://ldap.asso.example', true)
  })

  test('an authority that cannot be read is named', async () => {
    const opening = openDirectory(named, { caFile: join(folder, 'absent.pem') })
    await expect(opening).rejects.toMatchObject({ code: 'invalid_value', field: 'caFile' })
  })
})
