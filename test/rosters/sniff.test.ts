// What the bytes of a file are, and the clear word on each kind of file that is no list of members.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { readRoster } from '../../src/rosters/roster.ts'
import { MAX_BYTES, type RosterFile, sniff, textOf } from '../../src/rosters/sniff.ts'
import { openTable } from '../../src/rosters/table.ts'
import { csv, encodings, file, table, type Written } from './csv.ts'

const people = [
  ['Numéro de membre', 'Nom & prénom', 'Adresse E-Mail', 'Catégorie'],
  ['1', 'Zoé L’Œuvre; dite "Z", €', 'zoe@example.org', 'Actifs'],
  ['2', 'Jürgen\nWeiß', 'juergen@example.org', 'Actifs'],
]

const refusal = async (...files: RosterFile[]): Promise<AppError> => {
  const error = await readRoster(files).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof AppError)) throw new Error(`not refused: ${String(error)}`)
  expect(error.code).toBe('import_unreadable')
  expect(error.field).toBe('file')
  return error
}

describe('encoding and separator', () => {
  const written: Written[] = encodings.flatMap((encoding) =>
    ([';', ',', '\t', '|'] as const).flatMap((separator) =>
      (['all', 'needed'] as const).map((quoting) => ({ encoding, separator, quoting })),
    ),
  )
  test.each(written)('$encoding, "$separator", quotes: $quoting', async (how) => {
    const { rows, encoding, separator } = await readRoster([table(people, how)])
    expect(encoding).toBe(how.encoding?.replace(' with mark', ''))
    expect(separator).toBe(how.separator)
    expect(rows.map(({ familyName }) => familyName)).toEqual(['Zoé L’Œuvre; dite "Z", €', 'Jürgen Weiß'])
  })

  test.each<Written>([
    { eol: '\n' },
    { eol: '\r' },
    { eol: '\r\n' },
    { quote: "'" },
    { excelHint: true },
    { excelHint: true, separator: ',', eol: '\n' },
  ])('%o', async (how) => {
    const { rows } = await readRoster([table(people, how)])
    expect(rows).toHaveLength(2)
    expect(rows[1]?.line).toBe(how.excelHint ? 4 : 3)
  })

  // The cell of windows-1252 that ISO-8859-1 has not: a decoder that takes one for the other garbles apostrophes.
  test('windows-1252 is not ISO-8859-1', async () => {
    const bytes = Buffer.concat([
      Buffer.from('id_adh;nom_adh;prenom_adh;login_adh\n1;L'),
      Buffer.from([0x92, 0x9c, 0x80]),
      Buffer.from(';a;b\n'),
    ])
    expect((await readRoster([file(bytes)])).rows[0]?.familyName).toBe('L’œ€')
  })

  test('a separator within a label does not decide', async () => {
    const rows = [
      ['Number;x', 'name'],
      ['1;2', 'A'],
      ['3', 'B'],
    ]
    expect((await sniff(table(rows, { separator: ',', quoting: 'needed' }))).separator).toBe(',')
    expect((await sniff(file('id;name, given name;street, number\n1;A, B;C, 1\n2;D;E\n'))).separator).toBe(';')
  })

  test('a doubled quotation mark in the header does not end its cell', async () => {
    expect((await sniff(file('"a ""b; c; d; e"" f",g\n1,2\n'))).separator).toBe(',')
  })

  test('line ends and letters that fall on the border of two pieces', async () => {
    const line = (n: number, pad: number): string => `${n};é${'x'.repeat(pad)};\r\n`
    for (const pad of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const text = `id_adh;nom_adh;prenom_adh\r\n${'#'.repeat(pad)};;\r\n${Array.from({ length: 9000 }, (_, n) => line(n, n % 9)).join('')}`
      const { headers, records } = await openTable(file(text))
      const lines: number[] = []
      for await (const record of records) lines.push(record.line)
      expect(headers).toHaveLength(3)
      expect(lines).toEqual(Array.from({ length: 9001 }, (_, n) => n + 2))
    }
  })

  // csv-parse counts a CRLF within quotation marks twice.
  test('the line is the one on which a record begins, as an editor counts', async () => {
    const text = 'id_adh;nom_adh;prenom_adh\r\n1;"A\r\nB\r\nC";x\r\n\r\n2;D;x\r\n;;\r\n"3";"E\r\n";x\r\n'
    const lines: number[] = []
    for await (const record of (await openTable(file(text))).records) lines.push(record.line)
    expect(lines).toEqual([2, 6, 8])
  })
})

describe('files that are refused, with what to do', () => {
  const zip = (content: string): Buffer =>
    Buffer.concat([Buffer.from([0x50, 0x4b, 3, 4, 20, 0]), Buffer.from(content), Buffer.alloc(50)])
  test.each([
    ['empty', Buffer.alloc(0), 'empty', /empty.*export/],
    ['white space', Buffer.from('\r\n \n'), 'empty', /empty/],
    ['XLSX', zip('[Content_Types].xml xl/workbook.xml'), 'spreadsheet', /Excel.*CSV/],
    ['ODS', zip('mimetypeapplication/vnd.oasis.opendocument.spreadsheet'), 'spreadsheet', /ODS.*CSV/],
    ['XLS', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0]), 'spreadsheet', /XLS/],
    ['PDF', Buffer.from('%PDF-1.7\n%âãÏÓ'), 'not_text', /PDF.*CSV/],
    ['picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 13]), 'not_text', /not text/],
    [
      'error page',
      Buffer.from('\n<!DOCTYPE html>\n<html><body>Session expired</body></html>'),
      'not_a_table',
      /web page/,
    ],
    ['XML', Buffer.from('<?xml version="1.0"?><a/>'), 'not_a_table', /XML/],
    ['JSON', Buffer.from('[{"id":1,"name":"x"}]'), 'not_a_table', /JSON/],
    ['SQL', Buffer.from('-- dump\nINSERT INTO a VALUES (1,2);'), 'not_a_table', /SQL/],
    ['one column', Buffer.from('Nom\nZoé\nJan\n'), 'one_column', /one column/],
    ['header only', Buffer.from('id_adh;nom_adh;prenom_adh\r\n'), 'no_rows', /no rows/],
  ])('%s', async (_, bytes, problem, detail) => {
    const error = await refusal(file(bytes, 'list.csv'))
    expect(error.params.problem).toBe(problem)
    expect(error.detail).toMatch(detail)
    expect(error.detail).toMatch(/^list\.csv/)
  })

  test('more than 50 MB, before anything is read', async () => {
    expect((await refusal(file(Buffer.alloc(MAX_BYTES + 1, 'a;b\n')))).detail).toMatch(/50 MB/)
  })

  const head = 'id_adh;nom_adh;prenom_adh\n1;A;B\n'
  test.each([
    ['never closed', `${head}2;"C;D\n3;E;F\n`, 3],
    ['closed on a later line', `${head}2;"C;D\n3;"E";F\n`, 3],
    ['in the middle of a cell', `${head}2;C "x" y;D\n`, 3],
    ['text after the closing one', `${head}2;"C"x;D\n`, 3],
    ['never closed, in a long file', `${head}2;"C;D\n${'3;E;F\n'.repeat(300_000)}`, 3],
  ])('quotation mark %s: the line', async (_, text, line) => {
    const error = await refusal(file(text))
    expect(error.params).toMatchObject({ problem: 'quotes', line })
    expect(error.detail).toContain(`line ${line}`)
  })

  test('more cells than columns: the line, for every later value would be in the wrong column', async () => {
    const error = await refusal(file(`${head}2;C;D;E\n`))
    expect(error.params).toMatchObject({ problem: 'too_many_cells', line: 3 })
    expect((await readRoster([file(`${head}2;C;D;;\n`)])).rows).toHaveLength(2)
  })

  test('UTF-8 with one character of another encoding: the line', async () => {
    const bytes = Buffer.concat([
      Buffer.from('id_adh;nom_adh;prenom_adh\n1;Zoé;Ève\n2;'),
      Buffer.from([0xe9]),
      Buffer.from(';x\n3;Anaïs;x\n'),
    ])
    expect((await refusal(file(bytes))).params).toMatchObject({ problem: 'encoding', line: 3 })
  })

  test('columns that nobody knows are named, so that the person can map them', async () => {
    const error = await refusal(file('Foo;Bär\n1;2\n'))
    expect(error.params.problem).toBe('unknown_columns')
    expect(error.detail).toMatch(/--map.*«Foo», «Bär»/)
  })

  test('a file name cannot write to the terminal', async () => {
    expect((await refusal(file('', '\u001b[31mx\u202e.csv'))).detail).toMatch(/^\[31mx\.csv:/)
  })

  test('no file, two lists of members', async () => {
    await expect(readRoster([])).rejects.toThrow(/no file/)
    expect((await refusal(table(people, {}, 'a.csv'), table(people, {}, 'b.csv'))).detail).toMatch(
      /^b\.csv.*one after the other/,
    )
  })
})

// Attack class 29: a file must not exhaust memory or hold the process.
describe('sizes', () => {
  test('a line of separators, or one spread over quoted line ends', async () => {
    const error = await refusal(file(`id_adh;nom_adh;prenom_adh\n${';'.repeat(5_000_000)}\n`))
    expect(error.params).toMatchObject({ problem: 'too_many_cells', line: 2 })
    const spread = `id_adh;nom_adh;prenom_adh\n${`"\n"${';'.repeat(400)}`.repeat(5000)}\n`
    expect((await refusal(file(spread))).params.problem).toBe('too_many_cells')
  })

  test('a header of a thousand columns', async () => {
    expect((await refusal(file(`${'a;'.repeat(1000)}\n1;2\n`))).params.problem).toBe('too_many_cells')
  })

  test('a cell of two million characters', async () => {
    expect((await refusal(file(`id_adh;nom_adh;prenom_adh\n1;"${'x'.repeat(2_000_000)}";b\n`))).params.problem).toBe(
      'quotes',
    )
  })

  test('rows without end', async () => {
    const text = `id_adh;nom_adh;prenom_adh\n${'1;a;b\n'.repeat(200_001)}`
    expect((await refusal(file(text))).params.problem).toBe('too_many_rows')
  })

  test('50,000 members are read, and progress only rises', async () => {
    const head = ['ID de l’adhérent', 'Nom', 'Prénom', 'Courriel', 'Identifiant', 'Compte', 'Date d’échéance', 'Pseudo']
    const rows = Array.from({ length: 50_000 }, (_, n) => [
      `${n}`,
      'Lefèvre',
      'Zoé',
      `m${n}@example.org`,
      `u${n}`,
      'Oui',
      '31/12/2026',
      '',
    ])
    const bytes = csv([head, ...rows])
    const seen: number[] = []
    const { rows: read } = await readRoster([file(bytes)], {
      onProgress: (done, total) => {
        expect(total).toBe(bytes.length)
        seen.push(done)
      },
    })
    expect(read).toHaveLength(50_000)
    expect(seen.length).toBeGreaterThan(100)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.at(-1)).toBe(bytes.length)
  }, 60_000)

  /** How often other work had its turn while some went on. */
  const turnsDuring = async (work: () => Promise<unknown>): Promise<number> => {
    let turns = 0
    let over = false
    const turn = (): void => {
      turns++
      if (!over) setImmediate(turn)
    }
    setImmediate(turn)
    await work()
    over = true
    return turns
  }

  test('others get their turn for each piece of text, and for every few hundred lines', async () => {
    const text = 'x'.repeat(3_200_000)
    const drain = async (): Promise<void> => {
      for await (const piece of textOf(file(text), 'utf-8')) expect(piece.length).toBeLessThan(40_000)
    }
    expect(await turnsDuring(drain)).toBeGreaterThan(90)
    const short = file(`id_adh;nom_adh;prenom_adh\n${Array.from({ length: 20_000 }, (_, n) => `${n};a;\n`).join('')}`)
    expect(await turnsDuring(() => readRoster([short]))).toBeGreaterThan(150)
  })

  test('many lines of one number take no longer than many numbers', async () => {
    const text = `id_adh;nom_adh;prenom_adh;login_adh\n${Array.from({ length: 60_000 }, (_, n) => `7;a${n};b;same\n`).join('')}`
    const { rows, refusals } = await readRoster([file(text)])
    expect(rows).toEqual([])
    expect(refusals.length).toBe(120_000)
  }, 60_000)
})
