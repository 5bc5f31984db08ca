import { beforeEach, describe, expect, test } from 'vitest'
import type { Account, Member } from '../../src/ports.ts'
import type { RosterFile } from '../../src/rosters/roster.ts'
import { importMembers } from '../../src/usecases/import-members.ts'
import { addMember, recordMemberEvent } from '../../src/usecases/members.ts'
import { nightly } from '../../src/usecases/nightly.ts'
import * as make from '../contract/store-records.ts'
import { fixture, table } from '../rosters/csv.ts'
import { type Stage, setUp, stage } from '../support/stage.ts'

let on: Stage
let organisationId: string
beforeEach(async () => {
  on = await stage(['files'])
  organisationId = (await setUp(on)).id
  return () => on.close()
})

const store = () => on.first.store
const importer = () => importMembers(on.first.core)
const night = () => nightly(on.first.core, on.first.reconciler, async () => {})()
async function run(files: RosterFile[], options: { confirmed?: boolean; map?: string; activity?: string } = {}) {
  const plan = await importer().plan(files, options)
  await importer().apply(plan, { actor: 'test', confirmed: options.confirmed ?? false })
  return plan.report
}

const HEADER = [
  'Number',
  'Given',
  'Family',
  'Mail',
  'Login',
  'Until',
  'Exempt',
  'Open',
  'Status',
  'Lang',
  'Joined',
  'Company',
]
const MAP =
  'number=Number,given=Given,family=Family,email=Mail,username=Login,end=Until,exempt=Exempt,active=Open,status=Status,language=Lang,joined=Joined,organisation=Company'
type Person = {
  number?: string
  given?: string
  family?: string
  mail?: string
  login?: string
  until?: string
  exempt?: string
  open?: string
  status?: string
  lang?: string
  joined?: string
  company?: string
}
const cells = (p: Person): string[] => [
  p.number ?? '',
  p.given ?? '',
  p.family ?? '',
  p.mail ?? '',
  p.login ?? '',
  p.until ?? '',
  p.exempt ?? '',
  p.open ?? '',
  p.status ?? '',
  p.lang ?? '',
  p.joined ?? '',
  p.company ?? '',
]
const list = (people: Person[], name?: string): RosterFile => table([HEADER, ...people.map(cells)], {}, name)
const bring = (people: Person[], options: { confirmed?: boolean } = {}) => run([list(people)], { map: MAP, ...options })
const ada: Person = {
  number: '7',
  given: 'Ada',
  family: 'Lovelace',
  mail: 'ada@example.org',
  login: 'ada',
  until: '2026-12-31',
  lang: 'en',
  joined: '2019-03-15',
}

const byNumber = async (number: string): Promise<Member> => (await store().members.byNumber(organisationId, number))!
const standing = async (number: string) => store().standings.get((await byNumber(number)).id)
const accountsOf = async (number: string): Promise<Account[]> =>
  Promise.all(
    (await store().people.accountsOf((await byNumber(number)).id)).map(
      async ({ accountId }) => (await store().accounts.get(accountId))!,
    ),
  )
const everything = async () => ({
  members: await store().members.list({}),
  accounts: await store().accounts.list({}),
  terms: await Promise.all((await store().members.list({})).map(({ id }) => store().standings.terms(id))),
})

describe('the files of other managers', () => {
  const files: [string, string[], { map?: string; activity?: string }][] = [
    ['Galette, French', ['galette-fr.csv'], {}],
    ['Galette, English', ['galette-en.csv'], {}],
    ['Galette, German', ['galette-de.csv'], {}],
    ['Galette, the table itself', ['galette-table.csv'], {}],
    ['Paheko, members and activity', ['paheko-members.csv', 'paheko-activity.csv'], {}],
    ['Paheko, subscriptions', ['paheko-import.csv'], { activity: 'Adhésion annuelle' }],
    ['Dolibarr, French', ['dolibarr-fr.csv'], {}],
    ['Dolibarr, English', ['dolibarr-en.csv'], {}],
    ['CiviCRM', ['civicrm.csv'], {}],
    [
      'a spreadsheet',
      ['spreadsheet.csv'],
      { map: 'number=N°,given=Prénom,family=Nom,email=Mél,end=Échéance,language=Langue' },
    ],
  ]
  test.each(files)(
    '%s: taken once; twice is once; the first night lapses nobody who is covered',
    async (_, names, options) => {
      const given = names.map(fixture)
      const first = await run(given, options)
      expect(first.new).toBe(first.rows)
      expect(first.new).toBeGreaterThan(0)
      expect([first.changed, first.unchanged, first.removals]).toEqual([0, 0, 0])
      const before = await everything()
      expect(before.members).toHaveLength(first.new)
      const second = await run(given, options)
      expect({ new: second.new, changed: second.changed, unchanged: second.unchanged }).toEqual({
        new: 0,
        changed: 0,
        unchanged: first.new,
      })
      expect(await everything()).toEqual(before)
      await night()
      for (const { id, standing: stands, coveredUntilOn } of await store().members.list({})) {
        const [covering] = (await store().standings.terms(id)).filter(
          ({ endOn }) => endOn === null || endOn >= '2026-06-15',
        )
        if (covering) expect(['current', 'closed'], JSON.stringify(covering)).toContain(stands)
        if (coveredUntilOn && coveredUntilOn < '2026-05-16') expect(['lapsed', 'closed']).toContain(stands)
      }
      expect((await store().audit.verify()).brokenAt).toBeUndefined()
    },
  )
})

describe('one member', () => {
  test('new: with its due date as a term, an account of its own that it owns, and services told', async () => {
    const report = await bring([ada])
    expect(report).toMatchObject({ rows: 1, new: 1, changed: 0, unchanged: 0, refused: [], removals: 0 })
    const member = await byNumber('7')
    expect(member).toMatchObject({
      name: 'Ada Lovelace',
      kind: 'person',
      email: 'ada@example.org',
      locale: 'en',
      joinedOn: '2019-03-15',
      source: 'import',
    })
    expect(await store().standings.terms(member.id)).toMatchObject([
      { startOn: '2026-01-01', endOn: '2026-12-31', dueCents: 0, exempt: false, source: 'import' },
    ])
    expect(await standing('7')).toMatchObject({
      standing: 'current',
      coveredUntilOn: '2026-12-31',
      nextChangeOn: '2027-01-01',
    })
    const [account] = await accountsOf('7')
    expect(account).toMatchObject({
      username: 'ada',
      name: 'Ada Lovelace',
      email: 'ada@example.org',
      emailVerifiedAt: null,
      state: 'invited',
      locale: 'en',
    })
    expect(await store().people.accountsOf(member.id)).toMatchObject([{ accountId: account!.id, role: 'owner' }])
    const queued = await store().outbox.pending({ service: 'files' })
    expect(new Set(queued.map(({ subject, cause }) => `${subject} ${cause}`))).toEqual(
      new Set([`${account!.id} import`]),
    )
    expect(
      (await store().audit.list({ subjectId: member.id })).map(({ action, actor }) => `${action} ${actor}`),
    ).toEqual(['member.imported test', 'standing.changed test'])
  })

  test.each<[string, Person, object]>([
    ['ends today', { until: '2026-06-15' }, { standing: 'current', nextChangeOn: '2026-06-16' }],
    ['ended yesterday', { until: '2026-06-14' }, { standing: 'grace', graceUntilOn: '2026-07-14' }],
    ['ended long ago', { until: '2024-12-31' }, { standing: 'lapsed', coveredUntilOn: '2024-12-31' }],
    ['ends in two years', { until: '2028-03-31' }, { standing: 'current', coveredUntilOn: '2028-03-31' }],
    ['ends in a year and a day', { until: '2027-06-16' }, { standing: 'current', coveredUntilOn: '2027-06-16' }],
    ['ends on a leap day', { until: '2028-02-29' }, { standing: 'current', coveredUntilOn: '2028-02-29' }],
    ['ends never', { until: '9999-12-31' }, { standing: 'current', coveredUntilOn: '9999-12-31' }],
    ['no due date', { until: '' }, { standing: 'applicant', coveredUntilOn: null }],
    ['exempt', { until: '', exempt: 'yes' }, { standing: 'current', coveredUntilOn: null, nextChangeOn: null }],
    ['exempt, joined in time to come', { until: '', exempt: 'yes', joined: '2027-01-01' }, { standing: 'current' }],
    ['resigned', { status: 'resigned' }, { standing: 'closed' }],
  ])('whose cover %s', async (_, more, expected) => {
    await bring([{ ...ada, ...more }])
    expect(await standing('7')).toMatchObject(expected)
    const before = await standing('7')
    await night()
    expect({ ...(await standing('7')), computedOn: '' }).toEqual({ ...before, computedOn: '' })
  })

  test('changed: only what the file says otherwise, and only then', async () => {
    await bring([ada])
    const before = await byNumber('7')
    const plan = await importer().plan(
      [list([{ ...ada, family: 'Byron', mail: 'Ada@Example.net', lang: 'fr', until: '2027-12-31' }])],
      { map: MAP },
    )
    expect(plan.changes).toMatchObject([{ differences: ['name', 'email', 'locale', 'covered until'], removal: false }])
    expect(plan.describe().join('\n')).toContain('new 0   changed 1   unchanged 0   refused 0')
    expect(await byNumber('7')).toEqual(before)
    await importer().apply(plan, { actor: 'test', confirmed: false })
    expect(await byNumber('7')).toEqual({ ...before, name: 'Ada Byron', email: 'ada@example.net', locale: 'fr' })
    expect(await store().standings.terms(before.id)).toMatchObject([{ startOn: '2026-06-15', endOn: '2027-12-31' }])
    // The account is the person's own: its address and name are not changed behind its back.
    expect((await accountsOf('7'))[0]).toMatchObject({ email: 'ada@example.org', name: 'Ada Lovelace' })
    expect((await store().audit.list({ action: 'member.imported_changes' }))[0]!.payload).toMatchObject({
      differences: ['name', 'email', 'locale', 'covered until'],
    })
  })

  test('what the file does not say takes nothing away', async () => {
    await bring([ada])
    const before = await everything()
    expect(await bring([{ ...ada, mail: '', login: '', until: '', lang: '', joined: '' }])).toMatchObject({
      unchanged: 1,
    })
    const short = table([
      ['Number', 'Given', 'Family'],
      ['7', 'Ada', 'Lovelace'],
    ])
    expect(await run([short], { map: 'number=Number,given=Given,family=Family' })).toMatchObject({
      unchanged: 1,
      removals: 0,
    })
    expect(await everything()).toEqual(before)
  })

  test('an exemption that the file takes back ends; one that it does not speak of stays', async () => {
    await bring([{ ...ada, until: '', exempt: 'yes' }])
    const short = table([
      ['Number', 'Given', 'Family'],
      ['7', 'Ada', 'Lovelace'],
    ])
    expect(await run([short], { map: 'number=Number,given=Given,family=Family' })).toMatchObject({ unchanged: 1 })
    expect(await standing('7')).toMatchObject({ standing: 'current' })
    expect(await bring([{ ...ada, until: '', exempt: 'no' }])).toMatchObject({ changed: 1, removals: 1 })
    expect(await standing('7')).toMatchObject({ standing: 'applicant' })
    expect(await bring([{ ...ada, until: '', exempt: 'no' }])).toMatchObject({ unchanged: 1 })
  })

  test('what an admin covered by hand stays beside what the file covers', async () => {
    await addMember(on.first.core)({
      memberNumber: '7',
      kind: 'person',
      name: 'Ada Lovelace',
      email: 'ada@example.org',
      locale: 'en',
      joinedOn: '2020-01-01',
      coveredUntilOn: '2027-06-30',
      actor: 'test',
    })
    expect(await bring([ada])).toMatchObject({ changed: 1, removals: 0 })
    expect(await standing('7')).toMatchObject({ standing: 'current', coveredUntilOn: '2027-06-30' })
    expect(await bring([{ ...ada, until: '2026-05-01' }])).toMatchObject({ changed: 1, removals: 0 })
    expect(await standing('7')).toMatchObject({ standing: 'current', coveredUntilOn: '2027-06-30' })
  })

  test('closed here stays closed, whatever the file says; closed there is closed here, once', async () => {
    await bring([ada])
    expect(await bring([{ ...ada, status: 'resigned' }])).toMatchObject({ changed: 1, removals: 1 })
    expect(await standing('7')).toMatchObject({ standing: 'closed' })
    expect(await bring([{ ...ada, status: 'resigned' }])).toMatchObject({ unchanged: 1 })
    await bring([{ ...ada, until: '2028-12-31' }])
    expect(await standing('7')).toMatchObject({ standing: 'closed' })
    on.clock.advance(1)
    await recordMemberEvent(on.first.core)({ memberId: (await byNumber('7')).id, kind: 'readmitted', actor: 'test' })
    expect(await standing('7')).toMatchObject({ standing: 'current' })
  })
})

describe('who is who', () => {
  test('by number; without one by address; numbers that the file brings are not given to others', async () => {
    await bring([
      { ...ada, number: '7' },
      { given: 'Bo', mail: 'bo@example.org' },
      { number: '8', given: 'Cy' },
      { given: 'Di', mail: 'di@example.org' },
    ])
    const numbers = (await store().members.list({})).map(({ memberNumber, name }) => `${memberNumber} ${name}`)
    expect(numbers).toEqual(['10 Di', '7 Ada Lovelace', '8 Cy', '9 Bo'])
    expect(await bring([{ given: 'Bo', family: 'Bis', mail: 'BO@example.org' }])).toMatchObject({ new: 0, changed: 1 })
    expect(await byNumber('9')).toMatchObject({ name: 'Bo Bis' })
  })

  test('of a family with one address, by name; when that tells nothing, refused', async () => {
    const family = [
      { number: '1', given: 'Al', family: 'Doe', mail: 'doe@example.org' },
      { number: '2', given: 'Bea', family: 'Doe', mail: 'doe@example.org' },
    ]
    await bring(family)
    expect(await bring([{ given: 'bea', family: 'DOE', mail: 'doe@example.org', until: '2026-12-31' }])).toMatchObject({
      new: 0,
      changed: 1,
    })
    expect([(await standing('1'))!.standing, (await standing('2'))!.standing]).toEqual(['applicant', 'current'])
    const report = await bring([{ given: 'Cat', family: 'Doe', mail: 'doe@example.org' }, ada])
    expect(report).toMatchObject({
      new: 1,
      refused: [{ line: 2, field: 'email', value: 'doe@example.org', code: 'email_twice', file: 'members.csv' }],
    })
    expect(await store().members.list({})).toHaveLength(3)
  })

  test('names and numbers of any length', async () => {
    const report = await bring([
      { number: 'n'.repeat(65), given: 'X' },
      { ...ada, given: 'A'.repeat(900) },
    ])
    expect(report.refused).toMatchObject([{ line: 2, field: 'number', code: 'cell_too_long' }])
    expect((await byNumber('7')).name).toBe('A'.repeat(200))
    expect((await accountsOf('7'))[0]!.givenName).toBe('A'.repeat(100))
    expect(await bring([{ ...ada, given: 'A'.repeat(900) }])).toMatchObject({ unchanged: 1 })
  })
})

describe('accounts', () => {
  const account = async (more: Partial<Account>): Promise<Account> => {
    const made = make.account({ givenName: 'Ada', familyName: 'Lovelace', name: 'Ada Lovelace', ...more })
    await store().accounts.add(made)
    return made
  }

  test.each<[string, Partial<Account>, Person, boolean]>([
    ['same username and address', { username: 'ada', email: 'ada@example.org', emailVerifiedAt: null }, ada, true],
    ['same username, other address', { username: 'ada', email: 'eve@example.org' }, ada, false],
    [
      'same username, and neither has an address',
      { username: 'ada', email: null, emailVerifiedAt: null },
      { ...ada, mail: '' },
      false,
    ],
    ['verified address, same name', { email: 'ada@example.org', givenName: 'ADA' }, ada, true],
    ['address that nobody verified', { email: 'ada@example.org', emailVerifiedAt: null }, ada, false],
    ['verified address of somebody of another name', { email: 'ada@example.org', givenName: 'Bea' }, ada, false],
    ['verified address of a closed account', { email: 'ada@example.org', state: 'closed' }, ada, false],
    [
      'an association whose contact has that verified address',
      { email: 'ada@example.org' },
      { number: '7', company: 'Le Fil', mail: 'ada@example.org' },
      true,
    ],
    [
      'an association with another contact person',
      { email: 'ada@example.org' },
      { number: '7', company: 'Le Fil', given: 'Bea', family: 'Doe', mail: 'ada@example.org' },
      false,
    ],
  ])('%s: the same person or not', async (_, more, person, same) => {
    const known = await account(more)
    await bring([person])
    const [owner] = await accountsOf('7')
    expect(owner!.id === known.id).toBe(same)
    expect(await store().accounts.get(known.id)).toEqual(known)
    if (!same && known.username === 'ada') expect(owner!.username).not.toBe('ada')
    expect(await store().accounts.list({})).toHaveLength(same ? 1 : 2)
  })

  test('two verified accounts of one address: neither', async () => {
    await account({ email: 'ada@example.org' })
    await account({ email: 'ada@example.org' })
    await bring([{ ...ada, login: '' }])
    expect(await accountsOf('7')).toMatchObject([{ username: 'ada.lovelace', state: 'invited' }])
  })

  test.each<[string, Person]>([
    ['deceased', { status: 'deceased' }],
    ['resigned', { status: 'resigned' }],
    ['closed in the other manager', { open: 'no' }],
    ['with neither address nor username', { mail: '', login: '' }],
  ])('none for who is %s', async (_, more) => {
    await bring([{ ...ada, ...more }])
    expect(await accountsOf('7')).toEqual([])
    expect(await store().accounts.list({})).toEqual([])
  })

  test('one that a person has already is kept, and an address that comes later brings one', async () => {
    await bring([{ ...ada, mail: '', login: '' }])
    expect(await accountsOf('7')).toEqual([])
    await bring([{ ...ada, login: '' }])
    expect(await accountsOf('7')).toMatchObject([{ username: 'ada.lovelace', email: 'ada@example.org' }])
    await bring([{ ...ada, mail: 'other@example.org', login: '' }])
    expect(await accountsOf('7')).toMatchObject([{ username: 'ada.lovelace', email: 'ada@example.org' }])
  })

  test('a username that is taken or unfit: another is proposed', async () => {
    await account({ username: 'ada', email: 'eve@example.org' })
    await bring([ada, { number: '9', given: 'Zoé', family: 'Van Damme', login: 'Zoé!', mail: 'zoe@example.org' }])
    expect((await accountsOf('7'))[0]!.username).toBe('ada.lovelace')
    expect((await accountsOf('9'))[0]!.username).toBe('zoe.vandamme')
  })
})

describe('the guard', () => {
  const people = (count: number, more: (n: number) => Person): Person[] =>
    Array.from({ length: count }, (_, n) => ({
      number: String(n + 1),
      given: `P${n}`,
      until: '2026-12-31',
      ...more(n),
    }))

  test('mass shortening is held before anything is written, until it is confirmed', async () => {
    await bring(people(12, () => ({})))
    const shortened = people(12, (n) => (n < 5 ? { until: '2026-01-31', family: 'Changed' } : { family: 'Changed' }))
    const before = await everything()
    await expect(bring(shortened)).rejects.toMatchObject({
      code: 'removals_held',
      detail: expect.stringContaining('5 of 12'),
    })
    expect(await everything()).toEqual(before)
    expect(await bring(shortened, { confirmed: true })).toMatchObject({ removals: 5, of: 12, changed: 12 })
    expect(await standing('1')).toMatchObject({ standing: 'lapsed' })
    expect(await standing('12')).toMatchObject({ standing: 'current' })
  })

  test('what imports took in a day adds up, with each other and with the night', async () => {
    await bring(people(12, () => ({})))
    await bring(people(12, (n) => (n < 3 ? { until: '2026-01-31' } : {})))
    const more = people(12, (n) => (n < 5 ? { until: '2026-01-31' } : {}))
    await expect(bring(more)).rejects.toMatchObject({ code: 'removals_held' })
    on.clock.set('2026-06-16T10:00:00Z')
    expect(await bring(more)).toMatchObject({ removals: 2 })
  })

  test('an import that gives is never held', async () => {
    await bring(people(12, () => ({ until: '2026-01-31' })))
    expect(await bring(people(12, () => ({})))).toMatchObject({ changed: 12, removals: 0 })
  })
})

describe('cut off', () => {
  test('halfway, importing the file again finishes it', async () => {
    const people = Array.from(
      { length: 35 },
      (_, n): Person => ({ ...ada, number: '', given: `P${n}`, login: `p${n}`, mail: `p${n}@example.org` }),
    )
    const plan = await importer().plan([list(people)], { map: MAP })
    const cut = importer().apply(plan, {
      actor: 'test',
      confirmed: false,
      onProgress: (done) => {
        if (done >= 20) throw new Error('killed')
      },
    })
    await expect(cut).rejects.toThrow('killed')
    expect(await store().members.list({})).toHaveLength(20)
    expect(await bring(people)).toMatchObject({ new: 15, unchanged: 20 })
    expect(await store().members.list({})).toHaveLength(35)
    expect(await store().accounts.list({})).toHaveLength(35)
    expect(new Set((await store().members.list({})).map(({ memberNumber }) => memberNumber)).size).toBe(35)
  })

  test('a plan that is put in force twice is put in force once', async () => {
    const people = [ada, { ...ada, number: '', given: 'Bo', login: 'bo', mail: 'bo@example.org' }]
    const plan = await importer().plan([list(people)], { map: MAP })
    await Promise.all([1, 2].map(() => importer().apply(plan, { actor: 'test', confirmed: false })))
    expect(await store().members.list({})).toHaveLength(2)
    expect(await store().accounts.list({})).toHaveLength(2)
  })

  test('progress is told', async () => {
    const people = Array.from({ length: 25 }, (_, n): Person => ({ number: String(n), given: `P${n}` }))
    const plan = await importer().plan([list(people)], { map: MAP })
    const told: string[] = []
    await importer().apply(plan, {
      actor: 'test',
      confirmed: false,
      onProgress: (done, total) => told.push(`${done}/${total}`),
    })
    expect(told).toEqual(['10/25', '20/25', '25/25'])
  })
})

test('before the association is set up, and for what is no list', async () => {
  await expect(importer().plan([list([ada])])).rejects.toMatchObject({ code: 'import_unreadable' })
  const bare = await stage([])
  try {
    await expect(importMembers(bare.first.core).plan([list([ada])], { map: MAP })).rejects.toMatchObject({
      code: 'not_found',
    })
  } finally {
    await bare.close()
  }
})
