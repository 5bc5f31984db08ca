// Which manager wrote a file, and the reader of `--map`.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { applyMap, checkMap, parseMap, plain, recognise } from '../../src/rosters/recognise.ts'
import { readRoster } from '../../src/rosters/roster.ts'
import { file, fixture, table } from './csv.ts'

const where = (headers: string[]): Record<string, string> | undefined => {
  const found = recognise(headers)
  return found && Object.fromEntries([...found.columns].map(([field, at]) => [field, headers[at]!]))
}

test.each([
  ['  Date d’échéance :', "date d'echeance"],
  ["DATE D'ECHEANCE", "date d'echeance"],
  ['Région\u202f:', 'region'],
  ['Région\u00a0', 'region'],
  ['Nom\u00a0&\u202fprénom', 'nom & prenom'],
  ['E‑Mail:', 'e-mail'],
  ['Paye\u0301\u00a0?', 'paye ?'],
  ['\ufeffLastname*', 'lastname'],
  [' : ', ''],
])('the plain form of %j', (header, expected) => expect(plain(header)).toBe(expected))

describe('formats', () => {
  test.each([
    ['galette-fr.csv', 'galette'],
    ['galette-en.csv', 'galette'],
    ['galette-de.csv', 'galette'],
    ['galette-table.csv', 'galette-table'],
    ['paheko-members.csv', 'paheko'],
    ['paheko-activity.csv', 'paheko-subscriptions'],
    ['dolibarr-fr.csv', 'dolibarr'],
    ['dolibarr-en.csv', 'dolibarr'],
    ['civicrm.csv', 'civicrm'],
  ])('%s', async (name, format) => expect((await readRoster([fixture(name)])).format).toBe(format))

  test('the labels of Galette may have a colon, capitals or no accents', () => {
    const few = ["ID DE L'ADHERENT :", 'Nom\u00a0:', 'Prenom', 'courriel', 'Compte :', 'Date d`échéance']
    expect(recognise(few)?.format.id).toBe('galette')
    expect(where(few)).toMatchObject({ id: few[0], family: few[1], email: few[3], end: few[5] })
  })

  test('English and German share labels and are told apart', () => {
    const german = [
      'Mitglieds-ID:',
      'Status:',
      'Name:',
      'Vorname:',
      'E-Mail:',
      'Konto:',
      'Beitragsfrei:',
      'Fälligkeitsdatum:',
    ]
    expect(where(german)).toMatchObject({ id: german[0], given: german[3], exempt: german[6], end: german[7] })
  })

  test('of two columns of one name Paheko’s second is the member’s own', () => {
    const headers = [
      'Activité',
      'Numéro de membre',
      'Membre',
      'Payé ?',
      "Date d'expiration",
      "Date d'inscription",
      "Date d'inscription",
    ]
    const columns = recognise(headers)?.columns
    expect(columns?.get('joined')).toBe(6)
    expect(recognise(headers.slice(0, 6))?.columns.has('joined')).toBe(false)
  })

  test('a subscription list with every field of a member is still one', () => {
    const headers = [
      'Activité',
      'Numéro de membre',
      'Membre',
      'Payé ?',
      "Date d'expiration",
      'Prénom',
      'Adresse E-Mail',
      'Adresse postale',
      'Code postal',
      'Numéro de téléphone',
      "Inscription à la lettre d'information",
      'Catégorie',
    ]
    expect(recognise(headers)?.format.id).toBe('paheko-subscriptions')
  })

  // Names alone are no key: neither Galette's «cotisations» export nor its contributions carry a number or an address.
  test.each([
    [['Name', 'Surname', 'Town', 'Amount', 'Begin date', 'End date']],
    [['Contribution id', 'Contributeur', 'Type de contribution', 'Montant', 'Date de fin d’adhésion']],
    [['Activité', 'Tarif', "Date d'inscription", "Date d'expiration", 'Payé', 'Reste à régler']],
    [['Nom', 'Prénom', 'Courriel']],
    [['', '']],
  ])('%j is not recognised', (headers) => expect(recognise(headers)).toBeUndefined())
})

describe('--map', () => {
  const refusal = (work: () => unknown): AppError => {
    try {
      work()
    } catch (error) {
      if (error instanceof AppError) return error
    }
    throw new Error('not refused')
  }

  test('keys, headers with commas and equals signs, spaces', () => {
    expect(parseMap('number=Numéro, email = Courriel ,end=Échéance,')).toEqual({
      number: 'Numéro',
      email: 'Courriel',
      end: 'Échéance',
    })
    expect(parseMap('name=Nom, prénom,number=N°=2')).toEqual({ name: 'Nom, prénom', number: 'N°=2' })
    expect(parseMap('NUMBER=#3')).toEqual({ number: '#3' })
  })

  test.each([
    ['numero=N', /«numero» is not a key; did you mean «number»\? The keys are number, email/],
    ['mail=M', /did you mean «email»\?/],
    ['xyzzy=M', /«xyzzy» is not a key\. The keys are/],
    ['number', /«number» names no column/],
    ['number=', /«number» names no column/],
    ['number=A,number=B', /twice/],
    ['', /empty/],
    ['id=A', /«id» is not a key/],
  ])('%j', (text, detail) => {
    const error = refusal(() => parseMap(text))
    expect(error).toMatchObject({ code: 'invalid_value', field: 'map' })
    expect(error.detail).toMatch(detail)
  })

  test('a column that is not there: the nearest ones, and all', () => {
    const error = refusal(() => checkMap({ number: 'Numero adhérant' }, [['Numéro adhérent', 'Nom', '']]))
    expect(error).toMatchObject({ code: 'invalid_value', field: 'map' })
    expect(error.detail).toMatch(
      /no column «Numero adhérant» for «number»; did you mean «Numéro adhérent»\? The file's columns are «Numéro adhérent», «Nom»\./,
    )
    expect(refusal(() => checkMap({ number: '#4' }, [['a', 'b']])).detail).toMatch(/no column «#4»/)
  })

  test('a name that two columns have', () => {
    expect(refusal(() => checkMap({ number: 'n°' }, [['N°', 'x', 'N° :']])).detail).toMatch(/header of 2 columns.*#1/)
    expect(applyMap({ number: 'N°' }, ['N°', 'n°'], undefined)?.columns.get('number')).toBe(0)
    expect(applyMap({ number: '#2' }, ['N°', 'N°'], undefined)?.columns.get('number')).toBe(1)
  })

  test('a header cannot write to the terminal', () => {
    expect(refusal(() => checkMap({ number: 'x' }, [['a\u001b[31m', 'b']])).detail).not.toContain('\u001b')
  })

  test('reads any table', async () => {
    const map = parseMap('number=N°,given=prenom,family=NOM,email=mel,end=Échéance,language=Langue')
    const { format, encoding, rows, columns } = await readRoster([fixture('spreadsheet.csv')], { map })
    expect({ format, encoding }).toEqual({ format: 'mapped', encoding: 'windows-1252' })
    expect(rows[0]).toMatchObject({
      memberNumber: '1',
      givenName: 'François',
      familyName: 'L’Œillet',
      coveredUntilOn: '2026-12-31',
      locale: 'fr',
    })
    expect(rows[1]).toMatchObject({
      email: 'kaethe@example.org',
      familyName: 'Weiß',
      coveredUntilOn: '2026-07-01',
      locale: 'de',
    })
    expect(columns.used.map(({ header }) => header).toSorted()).toEqual([
      'Langue',
      'Mél',
      'Nom',
      'N°',
      'Prénom',
      'Échéance',
    ])
  })

  test('goes over what was recognised, and a number that is named is the one', async () => {
    const { rows } = await readRoster([fixture('civicrm.csv')], {
      map: { number: 'Membership ID', category: 'Source' },
    })
    expect(rows.map(({ memberNumber }) => memberNumber)).toEqual(['1', '2', '3', '4', '6', '7'])
    const { rows: german, refusals } = await readRoster([fixture('galette-de.csv')], {
      map: { number: 'Mitgliedsnummer' },
    })
    expect(german).toEqual([])
    expect(refusals.map(({ code }) => code)).toEqual(['number_twice', 'number_twice'])
  })

  test('must name a key: a number or an address', async () => {
    await expect(readRoster([file('a;b\n1;2\n')], { map: { family: 'a' } })).rejects.toThrow(/--map number=/)
    const { rows } = await readRoster(
      [
        table([
          ['a', 'b'],
          ['x', 'X@Example.org'],
        ]),
      ],
      { map: { family: 'a', email: 'b' } },
    )
    expect(rows[0]).toMatchObject({ memberNumber: '', email: 'x@example.org', familyName: 'x' })
  })
})
