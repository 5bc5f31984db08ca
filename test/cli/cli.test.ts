// The command line as a volunteer uses it: what is printed, which code it ends with, and what a mistake says.
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { run } from '../../src/cli/program.ts'
import { openInstallation } from '../../src/compose.ts'
import { freePort } from '../support/ports.ts'

let folder: string
let file: string
let issuer: string

type Result = { code: number; out: string; err: string }

async function schedar(...argv: string[]): Promise<Result> {
  const result: Result = { code: 0, out: '', err: '' }
  const write = (name: 'out' | 'err') => ({
    write: (text: string) => {
      result[name] += text
    },
  })
  result.code = await run(['--config', file, ...argv], {
    out: write('out'),
    err: write('err'),
    in: Readable.from([]),
    env: {},
  })
  return result
}

async function json<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
  const { code, out, err } = await schedar('--json', ...argv)
  expect(err.replace(/^The key that seals.*\n|^Nothing is written.*\n/gm, '')).toBe('')
  expect(code).toBe(0)
  return JSON.parse(out)
}

const installation = () => openInstallation({ file, env: {}, log: { level: 'error', to: process.stderr } })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'schedar-cli-'))
  file = join(folder, 'schedar.yaml')
  const port = await freePort()
  issuer = `http://127.0.0.1:${port}`
  writeFileSync(file, stringify({ issuer, listen: { port } }))
  const { core, close } = await installation()
  await core.store.organisations.add({
    id: core.random.uuid(),
    name: 'Cassiopée',
    country: 'BE',
    timeZone: 'Europe/Brussels',
    locale: 'fr',
    contactEmail: 'bureau@cassiopee.example',
    createdAt: core.clock.now(),
  })
  await close()
})

describe('people', () => {
  test('a member, an account, what it may use, and why not after a suspension', async () => {
    expect(await json('member', 'add', '101', 'Ada Byron', '--covered-until', '2099-12-31')).toMatchObject({
      number: '101',
    })
    await json(
      'account',
      'add',
      'ada',
      '--given-name',
      'Ada',
      '--family-name',
      'Byron',
      '--email',
      'ada@example.org',
      '--member',
      '101',
      '--role',
      'owner',
    )
    expect(await json('account', 'explain', 'ada')).toMatchObject({
      memberships: [{ role: 'owner', standing: 'current' }],
    })
    const suspended = await schedar('account', 'suspend', 'ada', '--reason', 'Essai', '--until', '2098-01-31')
    expect(suspended).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ada is suspended\.\n {2}✓ provider {2}ada {2}\d+ ms/),
    })
    expect((await schedar('account', 'explain', 'ada')).out).toContain('deny: Essai, until 2098-01-31')
    expect(await schedar('account', 'suspend', 'ada', '--reason', 'Encore')).toMatchObject({
      code: 1,
      err: expect.stringContaining('suspended already'),
    })
    expect((await schedar('account', 'restore', 'ada')).code).toBe(0)
    expect(await schedar('account', 'restore', 'ada')).toMatchObject({
      code: 1,
      err: 'schedar: this is not suspended\n',
    })
  })

  test('the list of members shows the standing, and filters by it', async () => {
    await json('member', 'add', '102', 'Bob Lent', '--covered-until', '2001-12-31')
    expect((await schedar('member', 'list')).out).toMatch(
      /number {2}name.*\n101.*current.*2099-12-31\n102.*lapsed.*2001-12-31/,
    )
    expect(await json<unknown[]>('member', 'list', '--standing', 'lapsed')).toHaveLength(1)
    expect(await schedar('member', 'list', '--standing', 'late')).toMatchObject({
      code: 1,
      err: expect.stringContaining('applicant, future, current'),
    })
  })

  test('a closed member is out, a readmitted one is back', async () => {
    await json('member', 'add', '103', 'Cléo Part', '--covered-until', '2099-12-31')
    expect((await schedar('member', 'close', '103', '--as', 'resigned')).code).toBe(0)
    expect(await json('member', 'show', '103')).toMatchObject({ standing: 'closed' })
    expect((await schedar('member', 'readmit', '103')).code).toBe(0)
    expect(await json('member', 'show', '103')).toMatchObject({ standing: 'current' })
  })

  test('an import shows its plan first, asks, and says which lines it refuses', async () => {
    const csv = join(folder, 'members.csv')
    writeFileSync(
      csv,
      'Nr;Prénom;Nom;Mail;Fin\n201;Dora;Un;dora@example.org;31/12/2099\n202;Émil;Deux;pas-une-adresse;31/12/2099\n',
    )
    const map = ['--map', 'number=Nr,given=Prénom,family=Nom,email=Mail,end=Fin']
    const dry = await schedar('member', 'import', csv, ...map, '--dry-run')
    expect(dry).toMatchObject({ code: 3, out: expect.stringContaining('new 1   changed 0   unchanged 0   refused 1') })
    expect(dry.out).toContain('members.csv line 3')
    expect(await schedar('member', 'import', csv, ...map)).toMatchObject({
      code: 1,
      err: expect.stringContaining('Add --yes'),
    })
    expect((await schedar('member', 'import', csv, ...map, '--yes')).code).toBe(3)
    expect(await json('member', 'show', '201')).toMatchObject({ standing: 'current', people: ['dora.un (owner)'] })
    expect((await schedar('member', 'import', csv, ...map, '--dry-run')).out).toContain(
      'new 0   changed 0   unchanged 1',
    )
    expect(await schedar('member', 'import', join(folder, 'none.csv'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no such file'),
    })
  })

  test('invitations go out as letters', async () => {
    expect(await json('account', 'invite', 'dora.un')).toEqual({ invited: 1 })
    expect(await schedar('account', 'invite')).toMatchObject({ code: 1, err: expect.stringContaining('use --all') })
    expect(await schedar('account', 'invite', 'nobody')).toMatchObject({
      code: 1,
      err: 'schedar: there is no account nobody\n',
    })
  })
})

describe('sites, clients and kits', () => {
  test('a site gets a client and its kit, the secret in files only its owner reads', async () => {
    await json('site', 'add', 'ada.example', '--member', '101')
    const made = await json(
      'client',
      'add',
      '--kind',
      'spip',
      '--url',
      'https://ada.example',
      '--name',
      'Le site d’Ada',
      '--site',
      'ada.example',
    )
    const target = join(folder, 'kit')
    const files = await json<{ file: string; secret: boolean }[]>('kit', String(made.client_id), target)
    const secret = files.find((one) => one.secret)!
    expect(statSync(secret.file).mode & 0o777).toBe(0o600)
    expect(readFileSync(secret.file, 'utf8')).toContain(String(made.client_secret))
    expect(await json('account', 'explain', 'ada')).toMatchObject({
      clients: [{ name: 'Le site d’Ada', access: 'full', roles: ['webmestre'] }],
    })
  })

  test('roles are given and taken, clients are switched off and on', async () => {
    const made = await json(
      'client',
      'add',
      '--kind',
      'other',
      '--url',
      'https://wiki.example',
      '--name',
      'Wiki',
      '--redirect-uri',
      'https://wiki.example/cb',
      '--listed',
      '--client-id',
      'wiki',
    )
    expect(made.client_id).toBe('wiki')
    const mine = async () =>
      (await json<{ clients: { clientId: string; access: string }[] }>('account', 'explain', 'ada')).clients.find(
        ({ clientId }) => clientId === 'wiki',
      )
    expect(await mine()).toMatchObject({ access: 'none' })
    await schedar('client', 'grant', 'wiki', 'group:bureau', 'editor')
    await schedar('account', 'groups', 'ada', 'bureau')
    expect(await mine()).toMatchObject({ access: 'full' })
    await schedar('client', 'disable', 'wiki')
    expect(await mine()).toBeUndefined()
    await schedar('client', 'enable', 'wiki')
    await schedar('client', 'revoke', 'wiki', 'group:bureau', 'editor')
    expect(await mine()).toMatchObject({ access: 'none' })
  })

  test.each([
    [
      ['--kind', 'other', '--url', 'http://wiki.example', '--redirect-uri', 'https://wiki.example/cb'],
      'is not an https address',
    ],
    [['--kind', 'other', '--url', 'https://wiki.example', '--redirect-uri', 'https://*.example/cb'], 'must be exact'],
    [['--kind', 'other', '--url', 'https://wiki.example'], 'at least one --redirect-uri'],
    [['--kind', 'joomla', '--url', 'https://wiki.example'], 'there is no plugin joomla; there are: apache'],
    [['--kind', 'spip', '--url', 'https://x.example', '--site', 'x.example'], 'schedar site add x.example'],
  ])('a client that cannot be: %j', async (options, says) => {
    expect(await schedar('client', 'add', '--name', 'X', ...options)).toMatchObject({
      code: 1,
      err: expect.stringContaining(says),
    })
  })

  test('a mailbox lets its people in under logins', async () => {
    expect(await json('mailbox', 'add', 'ada@cassiopee.example', '--member', '101', '--account', 'ada')).toEqual({
      name: 'ada@cassiopee.example',
      member: '101',
      access: 'full',
      logins: ['ada@cassiopee.example'],
      quota_bytes: null,
      former_until: null,
    })
    expect(
      await json('mailbox', 'login', 'ada@cassiopee.example', 'dora.un', '--as', 'dora@cassiopee.example'),
    ).toMatchObject({ login: 'dora@cassiopee.example' })
    expect(await json<unknown[]>('mailbox', 'list')).toMatchObject([
      { name: 'ada@cassiopee.example', logins: ['ada@cassiopee.example', 'dora@cassiopee.example'] },
    ])
  })
})

describe('the machine', () => {
  test('services are listed, checked, planned and applied', async () => {
    expect(await json<{ service: string }[]>('services', 'list')).toMatchObject([{ service: 'provider', pending: 0 }])
    expect(await json('services', 'check')).toEqual([{ service: 'provider', ok: true, detail: '' }])
    expect(await json('services', 'plan')).toEqual([])
    expect(await json('services', 'apply')).toEqual([{ service: 'provider', changes: 0, detail: '' }])
    expect(await schedar('services', 'check', 'mail')).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no service mail here'),
    })
  })

  test('keys are listed and rotated in two steps', async () => {
    expect(await json<{ state: string }[]>('keys', 'list')).toMatchObject([{ state: 'current' }, { state: 'current' }])
    expect((await schedar('keys', 'rotate')).out).toContain('signs in two hours')
    expect(await schedar('keys', 'rotate')).toMatchObject({
      code: 1,
      err: expect.stringContaining('less than two hours ago'),
    })
    expect((await schedar('keys', 'rotate', '--force')).out).toContain('signs from now on')
  })

  test('a backup is restored whole, and services wait for a confirmed plan', async () => {
    const backup = join(folder, 'backup.gz')
    await json('backup', backup)
    expect(statSync(backup).mode & 0o777).toBe(0o600)
    expect(await schedar('backup', backup)).toMatchObject({ code: 1, err: expect.stringContaining('exists already') })
    await json('member', 'add', '999', 'Après la sauvegarde')
    expect(await schedar('restore', backup)).toMatchObject({ code: 1, err: expect.stringContaining('Add --yes') })
    await json('restore', backup, '--yes')
    expect(await schedar('member', 'show', '999')).toMatchObject({ code: 1, err: 'schedar: there is no member 999\n' })
    expect(await schedar('services', 'apply')).toMatchObject({
      code: 1,
      err: expect.stringContaining('services apply --force'),
    })
    expect(await json('services', 'apply', '--force')).toMatchObject([{ detail: '' }])
    expect((await schedar('services', 'apply')).code).toBe(0)
    expect(await json('audit', 'verify')).toMatchObject({ sound: true })
  })

  test('the last administrator is rescued on the machine', async () => {
    const { link } = await json('setup')
    expect(link).toMatch(new RegExp(`^${issuer}/set-up/[\\w-]{43}$`))
    expect(await schedar('rescue', 'root')).toMatchObject({ code: 1, err: expect.stringContaining('--email') })
    expect(await json('rescue', 'root', '--email', 'root@example.org', '--yes')).toMatchObject({
      link: expect.stringMatching(/\/password\/[\w-]{43}$/),
    })
    expect(await schedar('setup')).toMatchObject({ code: 1, err: expect.stringContaining('schedar rescue') })
  })

  test('the audit tells who did what', async () => {
    const rows = await json<{ action: string; actor: string }[]>('audit', 'list', '--account', 'ada')
    expect(rows.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['account.added', 'access.suspended', 'access.restored']),
    )
    expect(rows.every(({ actor }) => actor.startsWith('cli:'))).toBe(true)
  })

  test('the night runs on demand', async () => {
    const { out } = await schedar('nightly')
    expect(out).toContain('held: nothing')
    expect(out).toMatch(/^services: provider \(0\)/m)
  })

  test('the doctor says what is wrong and which page mends it', async () => {
    const { code, out } = await schedar('doctor')
    expect(out).toMatch(/database\s+ok/)
    expect(out).toMatch(/discovery\s+wrong.*docs\/operations\.md#behind-a-reverse-proxy/)
    expect(code).toBe(3)
  })

  test('every page that the doctor names exists', async () => {
    const pages = [
      ...readFileSync('src/cli/doctor.ts', 'utf8').matchAll(/'((?:docs\/[\w/-]+|README)\.md)(?:#([\w-]+))?'/g),
    ]
    for (const [, page = '', anchor] of pages) {
      expect(existsSync(page), page).toBe(true)
      const anchors = [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replace(/ /g, '-'),
      )
      if (anchor) expect(anchors, page).toContain(anchor)
    }
    expect(pages.length).toBeGreaterThan(8)
  })
})

describe('mistakes', () => {
  test.each([[['suspend']], [['account', 'suspend', 'ada']], [['member', 'add']]])(
    'a wrong command line: %j',
    async (argv) => {
      expect(await schedar(...argv)).toMatchObject({ code: 2 })
    },
  )

  test('an unknown key of schedar.yaml is named with its path', async () => {
    const wrong = join(folder, 'wrong.yaml')
    writeFileSync(wrong, 'signIn: { triesPerAcount: 3 }\nissuer: http://sso.example.org\n')
    const { code, err } = await schedar('--config', wrong, 'member', 'list')
    expect(code).toBe(1)
    expect(err).toContain('signIn.triesPerAcount: there is no such key')
    expect(err).toContain('issuer: use https')
  })

  test('a database that is down is said in one sentence', async () => {
    const down = join(folder, 'down.yaml')
    writeFileSync(down, stringify({ database: { url: `mysql://nobody@127.0.0.1:${await freePort()}/none` } }))
    expect(await schedar('--config', down, 'member', 'list')).toMatchObject({
      code: 1,
      err: 'schedar: the database cannot be used: ECONNREFUSED\n',
    })
  })
})
