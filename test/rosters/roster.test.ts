// Whole files of each manager, the two that go together, and lines that are refused while the others go on.
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { Locale } from '../../src/ports.ts'
import { type Refusal, type RosterRow, readRoster } from '../../src/rosters/roster.ts'
import { fixture, table } from './csv.ts'

const brief = (
  refusals: readonly Pick<Refusal, 'line' | 'code'>[] | readonly { line: number; code: string }[],
): string[] => refusals.map(({ line, code }) => `${line} ${code}`)
const byNumber = (rows: readonly RosterRow[]): Record<string, RosterRow> =>
  Object.fromEntries(rows.map((row) => [row.memberNumber, row]))

test('a row fits the house: its languages are those of the ports', () => {
  expectTypeOf<RosterRow['locale']>().toEqualTypeOf<Locale | null>()
})

describe('Galette', () => {
  test('the members list in French, whole', async () => {
    const { rows, refusals, remarks, columns } = await readRoster([fixture('galette-fr.csv')])
    expect([refusals, remarks]).toEqual([[], []])
    expect(rows[0]).toEqual({
      line: 2,
      memberNumber: 'A-001',
      kind: 'person',
      givenName: 'Zoé',
      familyName: 'Lefèvre',
      organisationName: '',
      email: 'zoe.lefevre@example.org',
      username: 'zoe.lefevre',
      locale: 'fr',
      joinedOn: '2019-03-15',
      coveredUntilOn: '2026-12-31',
      exempt: false,
      closed: null,
      active: true,
      category: 'Président',
    })
    const { 'A-002': jan, 'A-003': anaïs, 'A-004': park, 'A-005': paul, 'A-006': tim } = byNumber(rows)
    expect(jan).toMatchObject({ line: 4, email: 'jan.vandamme@example.org', locale: 'nl', joinedOn: '2020-02-01' })
    expect(anaïs).toMatchObject({ exempt: true, coveredUntilOn: null })
    expect(park).toMatchObject({
      kind: 'association',
      organisationName: 'Les Amis du Parc ; ASBL',
      familyName: 'Nowak',
    })
    expect(paul).toMatchObject({ active: false, email: null, givenName: 'Paul "Popol"' })
    // A child shares a parent's address; the number tells them apart.
    expect(tim).toMatchObject({ email: 'zoe.lefevre@example.org', username: null })
    expect(columns.ignored.map(({ header }) => header)).toContain('Autres informations (admin)')
    expect(columns.used).toContainEqual({ field: 'end', header: 'Date d’échéance', file: 'galette-fr.csv' })
  })

  test('English: dates with the year first, Yes and No; a number that nobody has is no number', async () => {
    const { rows, remarks } = await readRoster([fixture('galette-en.csv')])
    expect(rows).toMatchObject([
      { memberNumber: '1', coveredUntilOn: '2026-12-31', exempt: false, active: true },
      { memberNumber: '2', kind: 'association', organisationName: 'Example Choir', exempt: true, active: false },
    ])
    expect(remarks).toEqual([])
  })

  test('German: day first by its own rule; member numbers that are not unique give way to the ids, and it is said', async () => {
    const { rows, remarks } = await readRoster([fixture('galette-de.csv')])
    expect(rows).toMatchObject([
      { memberNumber: '1', familyName: 'Müller', coveredUntilOn: '2026-06-05' },
      { memberNumber: '2', familyName: 'Groß', exempt: true, active: false },
    ])
    expect(brief(remarks)).toEqual(['3 number_from_id'])
  })

  test('one line without a member number: the ids, for all', async () => {
    const rows = [
      ['id_adh', 'num_adh', 'nom_adh', 'prenom_adh'],
      ['1', 'A', 'x', ''],
      ['2', '', 'y', ''],
    ]
    const read = await readRoster([table(rows)])
    expect(read.rows.map(({ memberNumber }) => memberNumber)).toEqual(['1', '2'])
    expect(brief(read.remarks)).toContain('3 number_from_id')
  })

  test('the table of the database: NULL, 0000-00-00 and 1901-01-01 are nothing, Null is a name', async () => {
    const { rows } = await readRoster([fixture('galette-table.csv')])
    expect(rows).toMatchObject([
      { memberNumber: '11', kind: 'person', organisationName: '', locale: 'nl', coveredUntilOn: '2026-03-31' },
      { memberNumber: '12', familyName: 'Null', joinedOn: null, coveredUntilOn: null, exempt: true, active: false },
    ])
  })

  test('NULL as a family name stays one', async () => {
    const { rows } = await readRoster([
      table([
        ['id_adh', 'nom_adh', 'prenom_adh'],
        ['1', 'NULL', '\\N'],
      ]),
    ])
    expect(rows[0]).toMatchObject({ familyName: 'NULL', givenName: '' })
  })
})

describe('Paheko', () => {
  test('members alone: no due dates, and it is said', async () => {
    const { rows, remarks } = await readRoster([fixture('paheko-members.csv')])
    expect(rows).toHaveLength(5)
    expect(rows[0]).toMatchObject({
      familyName: 'Claire Dubois',
      joinedOn: '2020-09-01',
      category: 'Membres actifs',
      coveredUntilOn: null,
    })
    expect(brief(remarks)).toEqual(['1 no_due_dates'])
  })

  test.each([[['paheko-members.csv', 'paheko-activity.csv']], [['paheko-activity.csv', 'paheko-members.csv']]])(
    'members and an activity, in either order',
    async (names) => {
      const { format, rows, refusals, remarks, columns } = await readRoster(names.map(fixture))
      expect(format).toBe('paheko')
      expect(rows.map(({ memberNumber, coveredUntilOn }) => [memberNumber, coveredUntilOn])).toEqual([
        ['1', '2026-12-31'],
        ['2', '2024-12-31'],
        ['3', null],
        ['4', null],
        ['5', null],
      ])
      expect(rows[0]).toMatchObject({ joinedOn: '2020-09-01', email: 'claire@example.org' })
      expect(refusals).toMatchObject([{ file: 'paheko-activity.csv', line: 5, code: 'number_unknown', value: '9' }])
      // «En cours» and unpaid at once is possible there; unpaid covers nothing here.
      expect(remarks).toMatchObject([{ file: 'paheko-activity.csv', line: 4, code: 'unpaid' }])
      expect(columns.used).toContainEqual({ field: 'end', header: "Date d'expiration", file: 'paheko-activity.csv' })
    },
  )

  test('an activity alone has the members’ names, addresses and own date of joining', async () => {
    const { rows } = await readRoster([fixture('paheko-activity.csv')])
    expect(rows[0]).toMatchObject({
      familyName: 'Claire Dubois',
      email: 'claire@example.org',
      joinedOn: '2020-09-01',
      coveredUntilOn: '2026-12-31',
    })
  })

  test('several activities: a person must say which is the membership', async () => {
    const files = ['paheko-members.csv', 'paheko-import.csv'].map(fixture)
    await expect(readRoster(files)).rejects.toMatchObject({
      code: 'import_unreadable',
      params: { problem: 'activities' },
      detail: expect.stringMatching(/«Adhésion annuelle», «Atelier vélo».*--activity/),
    })
    await expect(readRoster(files, { activity: 'Yoga' })).rejects.toThrow(/no line is of the activity «Yoga»/)
    const { rows, remarks } = await readRoster(files, { activity: 'adhesion annuelle' })
    // The latest of the membership's own dates, and not the workshop's of 2030.
    expect(byNumber(rows)['1']?.coveredUntilOn).toBe('2026-12-31')
    expect(byNumber(rows)['2']?.coveredUntilOn).toBeNull()
    expect(brief(remarks)).toEqual(['3 lines_joined', '5 unpaid'])
  })

  test('a member whose subscription cannot be read is refused too, or would seem to have none', async () => {
    const subscriptions = table(
      [
        ['Numéro de membre', 'Activité', 'Payé ?', "Date d'expiration"],
        ['1', 'Adhésion', 'Oui', '31/12/2025'],
        ['1', 'Adhésion', 'Oui', '31/12/20 26'],
        ['2', 'Adhésion', 'Oui', '31/12/2026'],
      ],
      {},
      'subs.csv',
    )
    const { rows, refusals } = await readRoster([fixture('paheko-members.csv'), subscriptions])
    expect(rows.map(({ memberNumber }) => memberNumber)).toEqual(['2', '3', '4', '5'])
    expect(refusals.map(({ file, line, code }) => `${file} ${line} ${code}`)).toEqual([
      'paheko-members.csv 2 other_line_refused',
      'subs.csv 2 other_line_refused',
      'subs.csv 3 date_impossible',
    ])
  })
})

describe('Dolibarr', () => {
  test('French: a line for each subscription, two columns of one name, codes for the state', async () => {
    const { rows, refusals, remarks } = await readRoster([fixture('dolibarr-fr.csv')])
    expect(refusals).toEqual([])
    expect(rows).toMatchObject([
      {
        memberNumber: 'MEM1',
        kind: 'person',
        organisationName: 'Employeur SA',
        joinedOn: '2025-01-01',
        coveredUntilOn: '2026-12-31',
        active: true,
        closed: null,
      },
      {
        memberNumber: 'MEM2',
        kind: 'association',
        organisationName: 'Chorale du Lundi',
        familyName: '',
        username: null,
        coveredUntilOn: null,
      },
      { memberNumber: 'MEM3', closed: 'resigned' },
      { memberNumber: 'MEM4', closed: 'expelled' },
      { memberNumber: 'MEM5', closed: null, active: false, coveredUntilOn: null },
    ])
    expect(brief(remarks)).toEqual(['3 lines_joined', '4 username_unusable'])
  })

  test('the later of the two ends counts, whichever column it stands in', async () => {
    const head = ['Réf adhérent', 'Id adhésion', 'Date fin adhésion', 'Date fin adhésion']
    for (const dates of [
      ['2026-12-31', '2025-12-31'],
      ['2025-12-31', '2026-12-31'],
      ['', '2026-12-31'],
      ['2026-12-31', ''],
    ]) {
      expect((await readRoster([table([head, ['M', '1', ...dates]])])).rows[0]?.coveredUntilOn).toBe('2026-12-31')
    }
  })

  test('English, months first as its dates show', async () => {
    const { rows, separator, remarks } = await readRoster([fixture('dolibarr-en.csv')])
    expect(separator).toBe('\t')
    expect(rows.map(({ coveredUntilOn }) => coveredUntilOn)).toEqual(['2026-12-31', '2026-01-02'])
    expect(remarks).toEqual([])
  })

  test('lines of one number with different people are no memberships of one', async () => {
    const { rows, refusals } = await readRoster([
      table([
        ['Réf adhérent', 'Nom', 'Id adhésion', 'Date fin adhésion'],
        ['M', 'A', '1', ''],
        ['M', 'B', '2', ''],
      ]),
    ])
    expect(rows).toEqual([])
    expect(brief(refusals)).toEqual(['2 number_twice', '3 number_twice'])
  })
})

test('CiviCRM: several memberships, cancelled, for life, deceased, test, pending, household', async () => {
  const { rows, refusals, remarks } = await readRoster([fixture('civicrm.csv')])
  expect(rows).toMatchObject([
    // A cancelled membership still carries a future end: it must not cover.
    { memberNumber: '101', closed: null, coveredUntilOn: '2026-12-31', joinedOn: '2016-05-01', locale: 'fr' },
    { memberNumber: '102', kind: 'association', organisationName: 'Open Garden', exempt: true },
    { memberNumber: '103', closed: 'deceased', exempt: false },
    { memberNumber: '105', coveredUntilOn: null, exempt: false },
    { memberNumber: '106', kind: 'person', familyName: 'Famille Bo', coveredUntilOn: '2026-08-31' },
  ])
  expect(refusals).toMatchObject([{ line: 6, code: 'test_membership' }])
  expect(brief(remarks)).toEqual(['3 lines_joined', '4 for_life'])
})

describe('lines that are refused, while the others go on', () => {
  const head = ['id_adh', 'nom_adh', 'prenom_adh', 'email_adh', 'login_adh', 'bool_exempt_adh', 'date_echeance']
  const read = (...rows: string[][]) => readRoster([table([head, ...rows])])
  const good = ['9', 'Good', 'One', 'good@example.org', 'good', '0', '2026-12-31']

  test.each<[string, string[], string, string]>([
    ['an address that is none', ['1', 'A', 'B', 'a@b', 'a', '0', ''], 'email_invalid', 'email'],
    ['two addresses', ['1', 'A', 'B', 'a@example.org, b@example.org', 'a', '0', ''], 'email_invalid', 'email'],
    ['a date that is none', ['1', 'A', 'B', '', 'a', '0', '2026-02-30'], 'date_impossible', 'end'],
    ['neither yes nor no', ['1', 'A', 'B', '', 'a', 'peut-être', ''], 'not_yes_or_no', 'exempt'],
    ['no key', ['', 'A', 'B', '', 'a', '0', ''], 'no_key', 'id'],
    ['a cell that is too long', ['1', 'A'.repeat(1001), 'B', '', 'a', '0', ''], 'cell_too_long', 'family'],
  ])('%s', async (_, row, code, field) => {
    const { rows, refusals } = await read(row, good)
    expect(rows.map(({ memberNumber }) => memberNumber)).toEqual(['9'])
    expect(refusals).toMatchObject([{ file: 'members.csv', line: 2, code, field }])
    expect(refusals[0]?.value.length).toBeLessThanOrEqual(60)
    expect(refusals[0]?.reason).toMatch(/^[a-z].{10}/)
  })

  test('several faults of one line are all told', async () => {
    const { refusals } = await read(['1', 'A', 'B', 'x', 'a', '?', '32/01/2026'])
    expect(refusals.map(({ code }) => code).toSorted()).toEqual(['date_impossible', 'email_invalid', 'not_yes_or_no'])
  })

  test('1,000 characters are not too long, and a column that is not used may be longer', async () => {
    expect((await read(['1', 'A'.repeat(1000), '', '', '', '', ''])).rows).toHaveLength(1)
    expect(
      (
        await readRoster([
          table([
            ['id_adh', 'nom_adh', 'prenom_adh', 'info_adh'],
            ['1', 'A', 'B', 'x'.repeat(5000)],
          ]),
        ])
      ).rows,
    ).toHaveLength(1)
  })

  // Which of two is right nobody can tell; taking the first would hand one person's row to another.
  test('a member number on two lines: neither', async () => {
    const { rows, refusals } = await read(['1', 'A', '', '', 'a', '', ''], ['１', 'B', '', '', 'b', '', ''], good)
    expect(rows.map(({ memberNumber }) => memberNumber)).toEqual(['9'])
    expect(brief(refusals)).toEqual(['2 number_twice', '3 number_twice'])
    expect(refusals.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('line 3'),
      expect.stringContaining('line 2'),
    ])
  })

  // A database that ignores case would see one number in two rows.
  test('member numbers that differ in case only are one', async () => {
    const { rows } = await read(['a1', 'A', '', '', '', '', ''], ['A1', 'B', '', '', '', '', ''])
    expect(rows).toEqual([])
  })

  test('the same line twice is one member', async () => {
    const { rows, refusals, remarks } = await read(good, good)
    expect([rows.length, refusals.length]).toEqual([1, 0])
    expect(brief(remarks)).toEqual(['3 same_line_twice'])
  })

  test('two people who claim one username, in another case or width: neither', async () => {
    const { rows, refusals } = await read(
      ['1', 'A', '', '', 'Admin', '', ''],
      ['2', 'B', '', '', ' ａdmin', '', ''],
      good,
    )
    expect(rows.map(({ memberNumber }) => memberNumber)).toEqual(['9'])
    expect(brief(refusals)).toEqual(['2 username_twice', '3 username_twice'])
  })

  test('a refused line still holds its username', async () => {
    const { rows } = await read(['1', 'A', '', 'x', 'admin', '', ''], ['2', 'B', '', '', 'admin', '', ''])
    expect(rows).toEqual([])
  })

  test('without numbers the address is the key', async () => {
    const rows = [
      ['nom_adh', 'prenom_adh', 'email_adh'],
      ['A', 'x', 'A@example.org'],
      ['B', 'x', 'a@example.org'],
      ['C', 'x', 'c@example.org'],
      ['C', 'x', ''],
    ]
    const read = await readRoster([table(rows)])
    expect(read.rows).toMatchObject([{ memberNumber: '', email: 'c@example.org' }])
    expect(brief(read.refusals)).toEqual(['2 email_twice', '3 email_twice', '5 no_key'])
  })

  test('a record broken in two by a line end is not half read', async () => {
    const { rows, refusals } = await readRoster([
      table([head, good, ['1', 'A', 'B'], ['x@example.org', 'good', '', '']], { quoting: 'needed' }),
    ])
    expect(rows.map(({ memberNumber }) => memberNumber)).toEqual(['9'])
    expect(brief(refusals)).toEqual(['3 too_few_cells', '4 too_few_cells'])
  })

  test('of a broken line only that is said, and what stands in its columns claims nothing', async () => {
    const rows = [
      ['id_adh', 'login_adh', 'date_echeance', 'nom_adh', 'prenom_adh'],
      ['1', 'good', 'Bruxelles', 'B'],
      ['2', 'good', '2026-12-31', 'A', 'B'],
    ]
    const read = await readRoster([table(rows)])
    expect(read.rows.map(({ memberNumber }) => memberNumber)).toEqual(['2'])
    expect(brief(read.refusals)).toEqual(['2 too_few_cells'])
  })

  test('dates that nothing decides are read day first, and it is said', async () => {
    const { rows, remarks } = await read(['1', 'A', '', '', '', '', '01/02/2026'])
    expect(rows[0]?.coveredUntilOn).toBe('2026-02-01')
    expect(brief(remarks)).toEqual(['2 dates_guessed'])
  })

  // CSV formula injection: a cell is a string here, whatever a spreadsheet would make of it.
  test('formulas are names like others', async () => {
    const { rows } = await read(
      ['=1+1', '@cmd', '+A1', '', '', '', ''],
      ['-2', "=cmd|' /C calc'!A0", '', '', '', '', ''],
    )
    expect(rows).toMatchObject([
      { memberNumber: '=1+1', familyName: '@cmd', givenName: '+A1' },
      { memberNumber: '-2', familyName: "=cmd|' /C calc'!A0" },
    ])
  })
})
