// The files with what Dovecot holds of logins and mailboxes: their lines, whose they are, and what is left of an
// administrator's.
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DovecotConfig } from '../../plugins/dovecot/config.ts'
import plugin from '../../plugins/dovecot/index.ts'
import { changed } from '../../plugins/dovecot/lines.ts'
import { homeOf, isHome } from '../../plugins/dovecot/login.ts'
import { loginCodec } from '../../plugins/dovecot/login-rows.ts'
import { mailboxCodec } from '../../plugins/dovecot/mailbox-rows.ts'
import { fileOf } from '../../plugins/dovecot/shards.ts'
import { appPassword, given } from '../support/mail-password.ts'
import { addressSubject, loginSubject, pluginHost } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const soon = () => AbortSignal.timeout(20_000)
let dir: string
let config: DovecotConfig
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lines-'))
  await mkdir(join(dir, 'denied'))
  config = {
    folder: dir,
    doveadmUrl: 'http://127.0.0.1:9',
    doveadmApiKey: 'x'.repeat(40),
    introspectionTimeoutMs: 2000,
    policyTimeoutMs: 500,
    mailHome: '/var/vmail/{domain}/{local}',
  }
})
afterEach(() => rm(dir, { recursive: true }))

const open = (more: Partial<DovecotConfig> = {}) => plugin.open!({ ...config, ...more }, pluginHost(dir))
const openMailboxes = (more: Partial<DovecotConfig> = {}) =>
  plugin.parts!.mailboxes!.open({ ...config, ...more }, pluginHost(dir))
const fileWith = (name: string, part = 'logins') => join(dir, part, fileOf(name))
const linesOf = async (name: string, part?: string) =>
  (await readFile(fileWith(name, part), 'utf8')).split('\n').filter((line) => line && !line.startsWith('#'))

describe('a login', () => {
  test('is one line for its mailbox, and one for each password, way to type it and protocol', async () => {
    const service = await open()
    const [one, two] = [appPassword('imap', 'smtp'), appPassword('pop3', 'dav')]
    const subject = loginSubject(ALICE, {
      mailbox: 'info@asso.example',
      quotaBytes: 7_000_000,
      former: true,
      passwords: [one, two].map(given),
    })
    await service.apply(new Map([[ALICE, service.render(subject)]]), soon())
    const sha = (text: string) => createHash('sha256').update(text).digest('hex')
    const password = (service: string, typed: string, id: string) =>
      `${ALICE}/${service}/${sha(typed)}:{PLAIN}::::::nopassword=y user=${ALICE} schedar=${id}`
    expect((await linesOf(ALICE)).toSorted()).toEqual(
      [
        `${ALICE}:::::/var/vmail/asso.example/info::schedar=home userdb_quota_rule=*:bytes=7000000 userdb_quota_storage_size=7000000B`,
        `${ALICE}/former:::::::noauthenticate=y schedar_former=y`,
        ...['imap', 'sieve', 'smtp'].flatMap((name) => one.typed.map((typed) => password(name, typed, one.id))),
        ...two.typed.map((typed) => password('pop3', typed, two.id)),
      ].toSorted(),
    )
    expect(await readFile(fileWith(ALICE), 'utf8')).not.toContain(one.secret)
    expect((await stat(fileWith(ALICE))).mode & 0o777).toBe(0o640)
    expect((await stat(join(dir, 'logins'))).mode & 0o777).toBe(0o750)
  })

  test('that holds nothing has no row, and one without a mailbox none for it', async () => {
    const service = await open()
    expect(service.render(loginSubject('site.example', { mailbox: '' }))).toBeNull()
    expect((await open({ mailHome: undefined })).render(loginSubject(ALICE))).toBeNull()
    expect(service.render(loginSubject(ALICE))).toEqual({ home: '/var/vmail/asso.example/alice' })
  })

  test('without access holds nothing but its denial, whatever else it was given', async () => {
    const service = await open()
    const subject = loginSubject(ALICE, { passwords: [given(appPassword('imap'))], former: true, quotaBytes: 5 })
    await service.apply(new Map([[ALICE, service.render(subject)]]), soon())
    const closed = service.render({ ...subject, access: 'none' })
    expect(closed).toEqual({ denied: true })
    await service.apply(new Map([[ALICE, closed]]), soon())
    expect(await linesOf(ALICE)).toEqual([])
    expect(await Array.fromAsync(service.list!(soon()))).toEqual([ALICE])
    await service.apply(new Map([[ALICE, null]]), soon())
    expect(await Array.fromAsync(service.list!(soon()))).toEqual([])
  })

  test('any drift of a line is seen, and mended', async () => {
    const service = await open()
    const subject = loginSubject(ALICE, { passwords: [given(appPassword('imap'))], former: true, quotaBytes: 5 })
    const wanted = service.render(subject)!
    await service.apply(new Map([[ALICE, wanted]]), soon())
    const whole = await readFile(fileWith(ALICE), 'utf8')
    const lines = whole.split('\n').filter((line) => line.startsWith(ALICE))
    for (const line of lines)
      for (const other of ['', line.replace('vmail', 'elsewhere'), line.replace(/[0-9a-f]{64}/, 'f'.repeat(64))]) {
        if (other === line) continue
        await writeFile(fileWith(ALICE), whole.replace(`${line}\n`, other && `${other}\n`))
        expect((await service.observe([ALICE], soon())).get(ALICE), other || `without ${line}`).not.toEqual(wanted)
        await service.apply(new Map([[ALICE, wanted]]), soon())
        expect((await service.observe([ALICE], soon())).get(ALICE)).toEqual(wanted)
      }
  })

  test('many in one batch write each file once', async () => {
    const service = await open()
    const batch = new Map(
      Array.from({ length: 500 }, (_, at) => [`member${at}@asso.example`, { home: `/var/vmail/x/${at}` }]),
    )
    await service.apply(batch, soon())
    const files = await readdir(join(dir, 'logins'))
    expect(files.every((name) => /^[0-9a-f]{2}$/.test(name))).toBe(true)
    expect((await service.observe([...batch.keys()], soon())).size).toBe(500)
    const before = await Promise.all(files.map((name) => stat(join(dir, 'logins', name))))
    await service.apply(batch, soon())
    const after = await Promise.all(files.map((name) => stat(join(dir, 'logins', name))))
    expect(after.map(({ ino }) => ino)).toEqual(before.map(({ ino }) => ino))
  })

  test('whose mailbox leads out of the folder is refused, and the others are written', async () => {
    const service = await open()
    const bad = service.render(loginSubject('eve@asso.example', { mailbox: 'a/../../etc@..' }))
    const good = service.render(loginSubject(ALICE))
    await expect(
      service.apply(
        new Map([
          ['eve@asso.example', bad],
          [ALICE, good],
        ]),
        soon(),
      ),
    ).rejects.toMatchObject({ code: 'invalid_value', field: 'login' })
    expect((await service.observe([ALICE, 'eve@asso.example'], soon())).size).toBe(1)
  })
})

describe('time', () => {
  test('a file is dated a second after the one before it: of one size, Dovecot would not read it again', async () => {
    const service = await open()
    for (let n = 0; n < 5; n++) {
      const before = await stat(fileWith(ALICE)).catch(() => undefined)
      const subject = loginSubject(ALICE, { passwords: [given(appPassword('imap'))] })
      await service.apply(new Map([[ALICE, service.render(subject)]]), soon())
      const after = await stat(fileWith(ALICE))
      if (before) expect(Math.floor(after.mtimeMs / 1000)).toBeGreaterThan(Math.floor(before.mtimeMs / 1000))
    }
    await utimes(fileWith(ALICE), 4_000_000_000, 4_000_000_000)
    await service.apply(new Map([[ALICE, null]]), soon())
    expect((await stat(fileWith(ALICE))).mtimeMs).toBe(4_000_000_001_000)
  })
})

describe("an administrator's lines", () => {
  const HAND = `${ALICE}:::::/srv/special::`
  test('stay where they are; one in the way of ours is named, and the rest is written', async () => {
    const service = await open()
    await mkdir(join(dir, 'logins'))
    await writeFile(fileWith(ALICE), `# by hand\n${HAND}\n`)
    const password = appPassword('imap')
    const row = service.render(loginSubject(ALICE, { passwords: [given(password)] }))
    await expect(service.apply(new Map([[ALICE, row]]), soon())).rejects.toMatchObject({
      code: 'invalid_value',
      detail: expect.stringContaining(`${fileWith(ALICE)} has a line of somebody else's for ${ALICE}`),
    })
    const text = await readFile(fileWith(ALICE), 'utf8')
    expect(text.startsWith(`# by hand\n${HAND}\n`)).toBe(true)
    expect((await service.observe([ALICE], soon())).get(ALICE)).toEqual({
      passwords: { [password.id]: expect.any(Array) },
    })
    await service.apply(new Map([[ALICE, { denied: true }]]), soon())
    expect(await readFile(fileWith(ALICE), 'utf8')).toBe(`# by hand\n${HAND}\n`)
    await expect(service.apply(new Map([[ALICE, row]]), soon())).rejects.toMatchObject({ code: 'invalid_value' })
    expect(await readdir(join(dir, 'denied')), 'nobody is kept out by a line in the way').toEqual([])
  })

  test('of any shape are never changed, and never taken for ours', () => {
    const line = fc.string({ unit: fc.constantFrom(...'ab:@/ =#{}%\t'), maxLength: 30 })
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const foreign = lines.filter((one) => loginCodec.nameOf(one) === undefined)
        const text = [...foreign, ''].join('\n')
        const wanted = new Map([[ALICE, loginCodec.write(ALICE, { home: '/var/vmail/a' })]])
        const with_ = changed(text, loginCodec.nameOf, wanted).text
        const without = changed(with_, loginCodec.nameOf, new Map([[ALICE, []]])).text
        for (const one of foreign) expect(without.split('\n')).toContain(one)
      }),
    )
  })
})

describe('mailboxes', () => {
  test('are what mail is put in: not aliases, not what sites write as, and not without a folder for them', async () => {
    const service = await openMailboxes()
    const info = addressSubject('info@asso.example', { delivery: { mailbox: { quotaBytes: 9 } } })
    expect(service.render(info)).toEqual({ home: '/var/vmail/asso.example/info', quotaBytes: 9 })
    for (const access of ['none', 'restricted'] as const)
      expect(service.render({ ...info, access }), 'mail goes on being delivered').toEqual(service.render(info))
    expect(service.render({ ...info, delivery: { targets: [ALICE] } })).toBeNull()
    expect(service.render({ ...info, delivery: null })).toBeNull()
    expect((await openMailboxes({ mailHome: undefined })).render(info)).toBeNull()
    await service.apply(new Map([[info.name, service.render(info)]]), soon())
    expect(await linesOf(info.name, 'mailboxes')).toEqual([
      'lmtp/info@asso.example:::::/var/vmail/asso.example/info::schedar=mailbox userdb_quota_rule=*:bytes=9 userdb_quota_storage_size=9B',
    ])
  })

  test('a folder that is not there is an error and is not made', async () => {
    await rm(dir, { recursive: true })
    const service = await openMailboxes()
    for (const work of [service.check(soon()), service.apply(new Map([[ALICE, { home: '/var/vmail/a' }]]), soon())])
      await expect(work).rejects.toMatchObject({ code: 'service_unavailable', detail: expect.stringContaining(dir) })
    await mkdir(dir)
  })
})

describe('pure', () => {
  test('what is written is read', () => {
    const path = fc.stringMatching(/^(\/[a-z0-9@._-]{1,8}){1,4}$/)
    const bytes = fc.option(fc.integer({ min: 1, max: 2 ** 50 }), { nil: undefined })
    fc.assert(
      fc.property(path, bytes, (home, quotaBytes) => {
        const row = { home, ...(quotaBytes !== undefined && { quotaBytes }) }
        expect(mailboxCodec.read(mailboxCodec.write(ALICE, row))).toEqual(row)
        expect(loginCodec.read(loginCodec.write(ALICE, row))).toEqual(row)
        expect(loginCodec.write(ALICE, row).map(loginCodec.nameOf)).toEqual([ALICE])
      }),
    )
  })

  test('a mailbox has a folder of its own, and no name leads out of it', () => {
    expect(homeOf('/var/vmail/{domain}/{local}', ALICE)).toBe('/var/vmail/asso.example/alice')
    expect(homeOf('/var/vmail/{address}/x', ALICE)).toBe(`/var/vmail/${ALICE}/x`)
    for (const path of ['/a/../b', '/a/./b', 'a', '/a:b', '/a b', '/a\nb', '/%u', '', '/a//b'])
      expect(isHome(path), path).toBe(false)
  })
})
