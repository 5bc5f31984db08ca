// The plugins of list servers without their servers: who belongs on a list, the ledger, Sympa's files, the kits, and the contract
// with a Sympa's helper that always succeeds (the real one: test/services/sympa.test.ts).
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import mailman from '../../plugins/mailman/index.ts'
import sympa from '../../plugins/sympa/index.ts'
import { helperScript } from '../../plugins/sympa/kit-helper.ts'
import { accountsIn, memberFile } from '../../plugins/sympa/member-file.ts'
import { type ListLedger, type ListRow, leaving, note, type OnList, rowOf } from '../../src/plugin-lists.ts'
import { kitContract, kitTarget, pluginContract } from '../contract/plugin.ts'
import { accountSubject, pluginHost } from '../support/subjects.ts'

const MEMBERS = 'membres@lists.asso.example'
const BOARD = 'ca@lists.asso.example'
/** Its configuration does not include the file. */
const DEAF = 'sourde@lists.asso.example'
const lists = { [MEMBERS]: { who: 'members' }, [BOARD]: { who: 'group:ca' } }
const soon = () => AbortSignal.timeout(20_000)

describe('who belongs on a list', () => {
  test('members in order, and those of them in its group', () => {
    const entry = { email: 'ada@asso.example', name: 'Ada Démo' }
    const ada = accountSubject('1', { email: 'Ada@Asso.example', displayName: ' Ada\nDémo ' })
    expect(rowOf(lists, ada)).toEqual({ [MEMBERS]: entry })
    expect(rowOf(lists, { ...ada, groups: ['ca'] })).toEqual({ [MEMBERS]: entry, [BOARD]: entry })
  })

  test('nobody who is suspended, is owed less, or has no address that can stand on a line', () => {
    const out = [
      { access: 'none' },
      { lists: 'none' },
      { lists: 'restricted' },
      { email: null },
      { email: 'a b@asso.example' },
      { email: '#a@asso.example' },
      { email: 'a@asso.example\nb@asso.example' },
      { email: 'é@asso.example' },
    ] as const
    for (const more of out)
      expect([more, rowOf(lists, accountSubject('1', { groups: ['ca'], ...more }))]).toEqual([more, null])
  })
})

const entry = fc.record({
  email: fc.constantFrom('a@x.example', 'b@x.example', 'c@x.example'),
  name: fc.constantFrom('', 'A', 'B é'),
})
const names = fc.constantFrom('1', '2', '3', '4')

test('whatever happens in between, a list ends up with whom it should have, and nobody of ours is forgotten on it', () => {
  const step = fc.record({ name: names, entry: fc.option(entry), works: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const ledger: ListLedger = { on: new Map(), pending: new Map() }
      const server = new Set(['by.hand@x.example'])
      const bring = () => {
        for (const email of leaving(ledger)) server.delete(email)
        for (const name of ledger.pending.keys()) if (ledger.on.has(name)) server.add(ledger.on.get(name)!.email)
      }
      for (const { name, entry, works } of steps) {
        note(ledger, MEMBERS, new Map<string, ListRow | null>([[name, entry ? { [MEMBERS]: entry } : null]]))
        bring() // it may have been done although nobody heard of it
        if (works) ledger.pending.clear()
      }
      bring()
      const wanted = new Set([...ledger.on.values()].map(({ email }) => email))
      expect(server).toEqual(new Set([...wanted, 'by.hand@x.example']))
    }),
  )
})

describe('the file that Sympa reads', () => {
  test('says whose an address is, and an address once', () => {
    const on = new Map<string, OnList>([
      ['2', { email: 'both@asso.example', name: 'Bob' }],
      ['1', { email: 'both@asso.example', name: '' }],
    ])
    const text = memberFile(on)
    expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual(['both@asso.example', ''])
    expect(accountsIn(text)).toEqual(new Map([...on].toSorted()))
  })

  test('is not believed when it is cut off or changed', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.uuid(), entry), fc.nat(), (people, at) => {
        const on = new Map(Object.entries(people))
        const text = memberFile(on)
        expect(accountsIn(text)).toEqual(on)
        expect(accountsIn(text.slice(0, at % text.length))).toBeUndefined()
      }),
    )
    expect(accountsIn('')).toBeUndefined()
    expect(accountsIn('alice@asso.example Alice\n')).toBeUndefined()
    expect(accountsIn(memberFile(new Map()).replace('# end', '# account 1 a@x.example A\n# end'))).toBeUndefined()
  })

  test('has an address among its first lines: Sympa takes 49 others for damage, and empties the list', () => {
    const on = new Map(Array.from({ length: 100 }, (_, at) => [`${at}`, { email: 'one@asso.example', name: '' }]))
    expect(memberFile(on).split('\n').slice(0, 4)).toContain('one@asso.example')
  })
})

describe('Sympa’s plugin', () => {
  let folder: string
  let helper: Server
  const asked: string[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lists-'))
    await mkdir(join(folder, 'members'))
    helper = createServer({ allowHalfOpen: true }, (socket) => {
      let request = ''
      socket.on('data', (part) => {
        request += part
      })
      socket.on('error', () => undefined)
      socket.on('end', () => {
        const [verb, list = ''] = request.split('\n')
        asked.push(request)
        const included = `include [notice] Subscribers were included from data source "${list.slice(0, 15)}" into list x.\ninclude [notice] Inclusion succeeded (0 added, 0 deleted, 0 updated).\n`
        socket.end(`${verb === 'include' && list !== DEAF ? included : ''}schedar-sympa: done\n`)
      })
    }).listen(join(folder, 'helper.sock'))
    for (const list of [MEMBERS, BOARD]) await writeFile(join(folder, 'members', list), memberFile(new Map()))
  })
  afterAll(async () => {
    helper.close()
    await rm(folder, { recursive: true })
  })
  const config = () => ({
    folder: join(folder, 'members'),
    helper: join(folder, 'helper.sock'),
    configFile: '/etc/sympa/sympa/sympa.conf',
    lists,
  })
  const open = () => sympa.open!(config(), pluginHost(folder))

  pluginContract('sympa', async () => ({
    service: await open(),
    subjects: { some: ['a', 'b', 'c', 'd'].map((name) => accountSubject(name, { groups: name < 'c' ? ['ca'] : [] })) },
    close: async () => undefined,
  }))

  test('tells Sympa of a list only when its members change', async () => {
    const service = await open()
    const row = (more = {}) => service.render(accountSubject('a', more))
    await service.apply(new Map([['a', row()]]), soon())
    asked.length = 0
    await service.apply(new Map([['a', row()]]), soon())
    expect(asked).toEqual([])
    await service.apply(new Map([['a', row({ email: 'new@asso.example' })]]), soon())
    expect(asked).toEqual([`include\n${MEMBERS}\n`, `remove\n${MEMBERS}\na@asso.example\n`])
    expect(await readFile(join(folder, 'members', MEMBERS), 'utf8')).toContain('\nnew@asso.example a\n')
  })

  test('without its file and without a ledger a list is not guessed at', async () => {
    const other = await sympa.open!(
      { ...config(), lists: { ...lists, 'new@lists.asso.example': { who: 'members' } } },
      pluginHost(folder),
    )
    const missing = { code: 'service_unavailable', detail: expect.stringContaining('new@lists.asso.example') }
    await expect(other.check(soon())).rejects.toMatchObject(missing)
    await expect(other.apply(new Map([['z', other.render(accountSubject('z'))]]), soon())).rejects.toMatchObject(
      missing,
    )
    // The others are brought up to date all the same.
    expect(await readFile(join(folder, 'members', MEMBERS), 'utf8')).toContain('\nz@asso.example z\n')
  })

  test('says which list does not include its file, and goes on telling it', async () => {
    await writeFile(join(folder, 'members', DEAF), memberFile(new Map()))
    const deaf = { ...config(), lists: { ...lists, [DEAF]: { who: 'members' } } }
    const service = await sympa.open!(deaf, pluginHost(folder))
    const y = new Map([['y', service.render(accountSubject('y'))]])
    const said = { detail: expect.stringContaining(`${DEAF} does not follow Schedar`) }
    await expect(service.apply(y, soon())).rejects.toMatchObject(said)
    expect((await service.observe(['y'], soon())).get('y')).not.toEqual(y.get('y'))
    await expect(service.apply(y, soon())).rejects.toMatchObject(said)
    expect(asked.filter((request) => request.startsWith(`include\n${DEAF}`))).toHaveLength(2)
  })

  test.each([
    'include\n../../etc/passwd\n',
    'include\n--help\n',
    'include\nmembres@lists.asso.example;id\n',
    'include\nmembres\n',
    'remove\nmembres@lists.asso.example\n-F\n',
    'remove\nmembres@lists.asso.example\n#x@y.example\n',
    'remove\nmembres@lists.asso.example\na b@y.example\n',
    'close\nmembres@lists.asso.example\n',
    '',
  ])('its helper refuses %j', (input) => {
    const run = () =>
      execFileSync('/bin/sh', ['-c', helperScript('/nonexistent')], { input, encoding: 'utf8', stdio: 'pipe' })
    expect(run).toThrow(
      expect.objectContaining({ status: 64, stdout: expect.stringMatching(/^schedar-sympa: refused/) }),
    )
  })
})

const service = { folder: '/var/lib/schedar-sympa', helper: '/run/schedar-sympa.sock', lists }
kitContract('sympa', sympa, { config: service, options: { listmaster: 'listmaster@lists.asso.example' } })
kitContract('sympa, its pages alone', sympa)
kitContract('mailman', mailman)

// Debian serves both under every name of an Apache, also where a session is not Schedar's to end.
test.each([
  ['sympa', sympa],
  ['mailman3', mailman],
] as const)('the pages of %s are under their own name alone', async (name, plugin) => {
  const files = await plugin.kit!(kitTarget(plugin))
  const page = String(files.find(({ path }) => path === 'README.md')?.content)
  expect(page).toContain(`a2disconf -q ${name}\n`)
  expect(page).toMatch(new RegExp(`Include /etc/apache2/conf-available/${name}\\.conf\\nInclude /etc/apache2/schedar/`))
})

test.each([
  ['path', '/wws" x'],
  ['listmaster', 'x@y.example\nRequire all granted'],
  ['user', 'x; id'],
  ['unknown', 'x'],
])('Sympa’s kit refuses %s=%j', (name, value) => {
  const target = kitTarget(sympa, { config: service, options: { [name]: value } })
  expect(() => sympa.kit!(target)).toThrow(expect.objectContaining({ code: 'invalid_value' }))
})

test.each([
  ['path', '/mailman3 [P]'],
  ['unknown', 'x'],
])('Mailman’s kit refuses %s=%j', async (name, value) => {
  const target = kitTarget(mailman, { options: { [name]: value } })
  await expect(mailman.kit!(target)).rejects.toMatchObject({ code: 'invalid_value' })
})

test('Mailman’s password goes over no network in the clear', () => {
  const given = (url: string) => mailman.config!.safeParse({ url, password: 'env:X', lists }).success
  expect(
    ['http://127.0.0.1:8001/3.1', 'http://localhost:8001/3.1', 'https://lists.asso.example/3.1'].map(given),
  ).toEqual([true, true, true])
  expect(['http://lists.asso.example/3.1', 'http://127.0.0.1.evil.example/', 'ftp://127.0.0.1/'].map(given)).toEqual([
    false,
    false,
    false,
  ])
})
