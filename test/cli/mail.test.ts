// schedar mailbox, alias, site mail-login and mail-kit, outgoing: what is printed, and what a mistake says.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { run } from '../../src/cli/program.ts'
import { openInstallation } from '../../src/compose.ts'
import type { Core } from '../../src/core.ts'
import { appPasswordDigest } from '../../src/domain/app-passwords.ts'

const ADA = 'ada@asso.example'
const SITE = 'velo.example'

let folder: string
let file: string

async function schedar(...argv: string[]) {
  const printed = { out: '', err: '' }
  const write = (name: 'out' | 'err') => ({ write: (text: string) => (printed[name] += text) })
  const streams = { out: write('out'), err: write('err'), in: Readable.from([]), env: {} }
  const code = await run(['--config', file, ...argv], streams)
  return { code, ...printed }
}
async function json<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
  const { code, out, err } = await schedar('--json', ...argv)
  expect([argv.join(' '), code, err]).toEqual([argv.join(' '), 0, ''])
  return JSON.parse(out)
}
async function refused(says: string | RegExp, ...argv: string[]): Promise<void> {
  const { code, err } = await schedar(...argv)
  expect([argv.join(' '), code, err]).toEqual([argv.join(' '), 1, expect.stringMatching(says)])
}
async function withCore<T>(work: (core: Core) => Promise<T>): Promise<T> {
  const { core, close } = await openInstallation({ file, env: {}, log: { level: 'error', to: process.stderr } })
  try {
    return await work(core)
  } finally {
    await close()
  }
}
const configure = (services: Record<string, unknown>) =>
  writeFileSync(file, stringify({ issuer: 'http://127.0.0.1:9', services }))

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'schedar-cli-'))
  file = join(folder, 'schedar.yaml')
  configure({})
  await withCore((core) =>
    core.store.organisations.add({
      id: core.random.uuid(),
      name: 'Cassiopée',
      country: 'BE',
      timeZone: 'Europe/Brussels',
      locale: 'fr',
      contactEmail: 'bureau@cassiopee.example',
      createdAt: core.clock.now(),
    }),
  )
  await json('member', 'add', '101', 'Les Amis du Vélo', '--covered-until', '2099-12-31')
  for (const name of ['ada', 'bob'])
    await json(
      'account',
      'add',
      name,
      '--given-name',
      name,
      '--family-name',
      'Essai',
      '--member',
      '101',
      '--role',
      'user',
    )
  await json('mailbox', 'add', ADA, '--member', '101', '--account', 'ada', '--quota', '5G')
  await json('site', 'add', SITE, '--member', '101')
})

describe('mailbox', () => {
  const shown = async (name = ADA) =>
    (await json<{ name: string }[]>('mailbox', 'list')).find((mailbox) => mailbox.name === name)

  test('is set: how much it holds, until when its former password counts', async () => {
    expect(await shown()).toMatchObject({ quota_bytes: 5 * 1024 ** 3, former_until: null, logins: [ADA] })
    expect(await json('mailbox', 'set', ADA, '--quota', '500m', '--former-until', '2026-12-31')).toMatchObject({
      quota_bytes: 500 * 1024 ** 2,
      former_until: '2026-12-31',
    })
    expect(await json('mailbox', 'set', ADA, '--former-until', 'never')).toMatchObject({
      quota_bytes: 500 * 1024 ** 2,
      former_until: null,
    })
    expect(await json('mailbox', 'set', ADA, '--quota', 'unlimited')).toMatchObject({ quota_bytes: null })
  })

  test.each([
    ['not a quota: much', 'mailbox', 'set', ADA, '--quota', 'much'],
    ['not a quota: -5G', 'mailbox', 'set', ADA, '--quota=-5G'],
    ['a quota is a number of bytes', 'mailbox', 'set', ADA, '--quota', '0'],
    ['not a date: soon', 'mailbox', 'set', ADA, '--former-until', 'soon'],
    ['there is no mailbox nobody@asso.example', 'mailbox', 'set', 'nobody@asso.example', '--quota', '5G'],
    ['exists already', 'mailbox', 'add', ADA, '--member', '101'],
    ['there is no member 999', 'mailbox', 'add', 'new@asso.example', '--member', '999'],
  ])('%s', async (says, ...argv) => {
    await refused(says, ...argv)
  })

  test('a login is taken from whom it is said to be, and from nobody else', async () => {
    await json('mailbox', 'add', 'office@asso.example', '--member', '101', '--account', 'ada')
    await json('mailbox', 'login', 'office@asso.example', 'bob', '--as', 'bob.office@asso.example')
    await refused(
      'bob\\.office@asso\\.example',
      'mailbox',
      'login',
      'office@asso.example',
      'bob',
      '--remove',
      '--as',
      'office@asso.example',
    )
    expect((await schedar('mailbox', 'login', 'office@asso.example', 'bob', '--remove')).out).toBe(
      'bob.office@asso.example does not open office@asso.example any more.\n',
    )
    await refused('has no login into it', 'mailbox', 'login', 'office@asso.example', 'bob', '--remove')
    expect(await shown('office@asso.example')).toMatchObject({ logins: ['office@asso.example'] })
  })

  test('is removed after a yes; then it is not there any more', async () => {
    await refused('Add --yes', 'mailbox', 'remove', 'office@asso.example')
    expect((await schedar('mailbox', 'remove', 'Office@asso.example', '--yes')).out).toContain('is removed')
    expect(await shown('office@asso.example')).toBeUndefined()
    await refused('there is no mailbox', 'mailbox', 'remove', 'office@asso.example', '--yes')
  })
})

describe('alias', () => {
  test('is added, changed, listed and removed', async () => {
    const added = await json('alias', 'add', 'info@asso.example', ADA, 'Far@Example.net', '--member', '101')
    expect(added).toEqual({ name: 'info@asso.example', member: '101', targets: [ADA, 'far@example.net'] })
    expect(await json('alias', 'set', 'info@asso.example', ADA)).toMatchObject({ targets: [ADA] })
    expect(await json('alias', 'list')).toEqual([{ name: 'info@asso.example', member: '101', targets: [ADA] }])
    await json('alias', 'add', 'team@asso.example', 'info@asso.example', '--member', '101')
    await refused('would come back to it', 'alias', 'set', 'info@asso.example', 'team@asso.example')
    await refused('would lead to itself', 'alias', 'set', 'info@asso.example', 'info@asso.example')
    await refused('exists already', 'alias', 'add', ADA, 'far@example.net', '--member', '101')
    for (const name of ['team@asso.example', 'info@asso.example'])
      expect((await schedar('alias', 'remove', name, '--yes')).code).toBe(0)
    expect(await json('alias', 'list')).toEqual([])
  })
})

describe('site mail-login', () => {
  const digest = () =>
    withCore(
      async ({ store }) => (await store.mailboxes.siteLogin((await store.resources.byName('site', SITE))!.id))?.digest,
    )

  test('is printed once, renewed, taken away', async () => {
    const made = await json('site', 'mail-login', 'Velo.Example')
    expect(made).toEqual({ login: SITE, secret: expect.stringMatching(/^[a-z2-9]{20}$/) })
    expect(await digest()).toBe(appPasswordDigest(String(made.secret)))
    expect(await json('site', 'list')).toMatchObject([{ name: SITE, sends: true }])
    expect((await json('site', 'mail-login', SITE)).secret).not.toBe(made.secret)
    expect((await schedar('site', 'mail-login', SITE, '--remove')).out).toBe(`${SITE} sends nothing any more.\n`)
    expect(await json('site', 'list')).toMatchObject([{ name: SITE, sends: false }])
    await refused('has no login of its own', 'site', 'mail-login', SITE, '--remove')
    await refused('there is no site', 'site', 'mail-login', 'nobody.example')
  })

  describe('as a kit', () => {
    const kit = (...more: string[]) => ['site', 'mail-kit', SITE, join(folder, 'kit'), '--user', 'site42', ...more]
    const secretFile = () => join(folder, 'kit/msmtp', `${SITE}.conf`)
    const secret = () => /^password (\S+)$/m.exec(readFileSync(secretFile(), 'utf8'))![1]!

    test('needs the mail server in schedar.yaml', async () => {
      await refused('plugin: msmtp, server: mail', ...kit())
      expect(await digest()).toBeUndefined()
      configure({ forms: { plugin: 'msmtp', server: 'mail.asso.example' } })
    })

    test('makes the login and writes the files in one go; the secret is in one that only its owner reads', async () => {
      const files = await json<{ file: string; secret: boolean }[]>(...kit())
      expect(files.filter((one) => one.secret).map((one) => one.file)).toEqual([secretFile()])
      expect(statSync(secretFile()).mode & 0o777).toBe(0o600)
      expect(await digest()).toBe(appPasswordDigest(secret()))
      expect(readFileSync(secretFile(), 'utf8')).toContain('host mail.asso.example')
    })

    test('made again, it renews; a file that others could read, or a link, does not get the secret', async () => {
      const former = secret()
      chmodSync(secretFile(), 0o644)
      const { out, err } = await schedar(...kit('--from', 'bureau@velo.example'))
      expect(secret()).not.toBe(former)
      for (const one of [former, secret()]) expect(out + err).not.toContain(one)
      expect(statSync(secretFile()).mode & 0o777).toBe(0o600)
      expect(await digest()).toBe(appPasswordDigest(secret()))
      expect(readFileSync(secretFile(), 'utf8')).toContain('from bureau@velo.example')

      const elsewhere = join(folder, 'elsewhere')
      const linked = join(folder, 'linked/msmtp')
      mkdirSync(linked, { recursive: true })
      writeFileSync(elsewhere, '')
      symlinkSync(elsewhere, join(linked, `${SITE}.conf`))
      await json('site', 'mail-kit', SITE, join(folder, 'linked'), '--user', 'site42')
      expect(readFileSync(elsewhere, 'utf8')).toBe('')
    })

    test('what is wrong is said before the login that works is dead', async () => {
      const before = await digest()
      await refused('options\\.user', 'site', 'mail-kit', SITE, join(folder, 'kit2'), '--user', 'x y')
      await refused('options\\.from', ...kit('--from', 'nobody'))
      await refused('--service is one of forms', ...kit('--service', 'mail'))
      writeFileSync(join(folder, 'a-file'), '')
      await refused('cannot be written', 'site', 'mail-kit', SITE, join(folder, 'a-file'), '--user', 'site42')
      expect(await digest()).toBe(before)
      expect(readdirSync(folder)).not.toContain('kit2')
    })

    test('a user that all sites share is warned of', async () => {
      const { code, err } = await schedar('site', 'mail-kit', SITE, join(folder, 'shared'), '--user', 'www-data')
      expect([code, err]).toEqual([0, expect.stringContaining('is not protected')])
    })

    test('the doctor looks at the machine’s files, and does not mind a service that drives nothing', async () => {
      configure({ forms: { plugin: 'msmtp', server: 'mail.asso.example', folder: join(folder, 'kit/msmtp') } })
      const finding = async () =>
        JSON.parse((await schedar('--json', 'doctor')).out).find(
          ({ check }: { check: string }) => check === 'service forms',
        )
      expect(await finding()).toMatchObject({ state: 'ok' })
      chmodSync(secretFile(), 0o640)
      expect(await finding()).toMatchObject({
        state: 'wrong',
        detail: expect.stringContaining('others can read'),
        page: 'docs/services/msmtp.md',
      })
      expect((await json<{ service: string }[]>('services', 'list')).map(({ service }) => service)).toEqual([
        'provider',
      ])
    })
  })
})

describe('outgoing', () => {
  beforeAll(async () => {
    await json('site', 'mail-login', SITE)
    await withCore(async ({ store, clock }) => {
      const memberId = (await store.resources.byName('site', SITE))!.memberId
      const message = (login: string, queueId: string, recipients: number, at: number, state: 'passed' | 'held') => ({
        service: 'mail',
        queueId,
        login,
        memberId,
        sender: login,
        recipients,
        sizeBytes: 100,
        clientAddress: '192.0.2.1',
        at,
        state,
      })
      const now = clock.now()
      await store.outgoing.submitted([
        message(SITE, 'ONE', 40, now - 5000, 'held'),
        message(SITE, 'TWO', 2, now - 3_600_000 * 30, 'passed'),
        message(ADA, 'THREE', 3, now - 4000, 'passed'),
      ])
      const delivery = { service: 'mail', queueId: 'THREE', sender: ADA, relay: 'mx.example.net[192.0.2.9]:25' }
      await store.outgoing.delivered([
        { ...delivery, recipient: 'far@example.net', result: 'bounced', dsn: '5.1.1', text: '550 no', at: now - 3000 },
        {
          ...delivery,
          recipient: 'old@example.net',
          result: 'sent',
          dsn: '2.0.0',
          text: '250',
          at: now - 9 * 86_400_000,
        },
      ])
    })
  })

  test('list: who sent most, in so many hours', async () => {
    expect(await json('outgoing', 'list')).toMatchObject([
      { login: SITE, messages: 1, recipients: 40, last_at: expect.stringMatching(/^\d{4}-.*Z$/) },
      { login: ADA, messages: 1, recipients: 3 },
    ])
    expect(await json('outgoing', 'list', '--hours', '48')).toMatchObject([
      { login: SITE, messages: 2 },
      { login: ADA },
    ])
    await refused('not a number of hours', 'outgoing', 'list', '--hours', 'many')
  })

  test('stop and allow: a login, by hand, with a reason', async () => {
    expect((await schedar('outgoing', 'stop', SITE)).code).toBe(2)
    expect((await schedar('outgoing', 'stop', 'Velo.Example', '--reason', 'Formulaire piraté')).code).toBe(0)
    expect(await json('outgoing', 'stopped')).toMatchObject([
      { login: SITE, reason: 'by_hand', detail: 'Formulaire piraté' },
    ])
    await refused('is in quarantine', 'outgoing', 'stop', SITE, '--reason', 'x')
    await refused('there is no login nobody', 'outgoing', 'stop', 'nobody@asso.example', '--reason', 'x')
    expect((await schedar('outgoing', 'allow', SITE)).code).toBe(0)
    expect(await json('outgoing', 'stopped')).toEqual([])
    await refused('is not stopped', 'outgoing', 'allow', SITE)
  })

  test('held: listed without the mail server; decided only through one', async () => {
    expect(await json('outgoing', 'held')).toMatchObject([
      { service: 'mail', id: 'ONE', login: SITE, recipients: 40, subject: null, script: null },
    ])
    expect(await json('outgoing', 'held', ADA)).toEqual([])
    await refused('has no queue', 'outgoing', 'release', 'mail', 'ONE')
    await refused('Add --yes', 'outgoing', 'purge', 'mail', 'ONE')
  })

  test('trace: what became of mail to an address or a domain', async () => {
    const far = { from: ADA, to: 'far@example.net', result: 'bounced', dsn: '5.1.1', text: '550 no' }
    for (const recipient of ['Far@Example.net', '@example.net'])
      expect(await json('outgoing', 'trace', recipient)).toMatchObject([far])
    expect(await json<unknown[]>('outgoing', 'trace', '@example.net', '--days', '30')).toHaveLength(2)
    expect((await schedar('outgoing', 'trace', 'nobody@example.org')).out).toBe('none\n')
    await refused('not a number of days', 'outgoing', 'trace', '@example.net', '--days', 'x')
  })
})

describe('mail programs', () => {
  const told = async () =>
    JSON.parse((await schedar('--json', 'doctor')).out).find(
      ({ check }: { check: string }) => check === 'mail programs',
    ) as { state: string; detail: string }

  test('dns: lines for a domain that has mail here, once the servers are in schedar.yaml', async () => {
    await json('mailbox', 'add', 'dns@dns.example', '--member', '101')
    configure({})
    await refused('mailSetup is not in schedar.yaml', 'mailbox', 'dns', 'dns.example')
    expect(await told()).toMatchObject({ state: 'look', detail: expect.stringContaining('mailSetup') })
    const mailSetup = { imap: { host: 'imap.asso.example' }, smtp: { host: 'smtp.asso.example' } }
    writeFileSync(file, stringify({ issuer: 'http://127.0.0.1:9', mailSetup }))
    const { out } = await schedar('mailbox', 'dns', 'DNS.example')
    expect(out.split('\n')).toContain('_imaps._tcp.dns.example. 3600 IN SRV 0 1 993 imap.asso.example.')
    expect(await json('mailbox', 'dns', 'dns.example')).toEqual({
      domain: 'dns.example',
      lines: out.trim().split('\n'),
    })
    await refused('no mailbox and no alias', 'mailbox', 'dns', 'elsewhere.example')
    expect(await told()).toMatchObject({ state: 'ok' })
    configure({})
  })
})
