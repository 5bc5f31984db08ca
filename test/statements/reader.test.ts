// Read beside the event loop a statement is what it is read at once, and refused in the same words.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { readBeside } from '../../src/statements/reader.ts'
import { readStatement } from '../../src/statements/statement.ts'
import { printCamt } from './printers.ts'

const zone = 'Europe/Brussels'
const sample = (count: number, number: string) => ({
  account: 'BE71096123456769',
  number,
  fromOn: '2026-06-12',
  toOn: '2026-06-12',
  opening: 100_000,
  payments: Array.from({ length: count }, (_, n) => ({
    cents: n + 1,
    bookedOn: '2026-06-12',
    valueOn: '2026-06-12',
    name: `Zoé ${n}`,
    iban: '',
    reference: null,
    text: 'cotisation',
    bankRef: `${number}R${n}`,
    endToEndId: '',
  })),
})

describe.each([
  ['small', printCamt([sample(3, '1')])],
  ['of several statements, one of them empty', printCamt([sample(1201, '1'), sample(0, '2'), sample(500, '3')])],
])('%s', (_, bytes) => {
  test('the same file', async () => {
    expect(await readBeside(bytes, { zone })).toEqual(readStatement(bytes, { zone }))
  })

  test('the same refusal', async () => {
    const broken = bytes.subarray(0, bytes.length - 40)
    const beside = await readBeside(broken, { zone }).catch((error: unknown) => error)
    const atOnce = await Promise.try(() => readStatement(broken, { zone })).catch((error: unknown) => error)
    expect(beside).toBeInstanceOf(AppError)
    const { code, field, detail, params } = beside as AppError
    expect({ code, field, detail, params }).toEqual({
      code: 'invalid_value',
      field: 'file',
      detail: (atOnce as AppError).detail,
      params: (atOnce as AppError).params,
    })
  })
})

test('a CSV by its columns and of its account', async () => {
  const rows = Array.from({ length: 2000 }, (_, n) => `12/06/2026;${n},10;cotisation n° ${n};Zoé Lefèvre`)
  const bytes = Buffer.from(['Date;Montant;Libellé;Contrepartie', ...rows].join('\n'))
  const map = { booked: 'Date', amount: 'Montant', communication: ['Libellé'], counterName: 'Contrepartie' }
  const options = { map, account: 'BE71096123456769' } as unknown as Parameters<typeof readBeside>[1]
  const file = await readBeside(bytes, options)
  expect(file).toEqual(readStatement(bytes, options))
  expect(file.statements[0]!.lines).toHaveLength(2000)
})

test('others get their turn while a large one is read', async () => {
  const bytes = printCamt([sample(800, '1')])
  let turns = 0
  let reading = true
  const count = (): void => {
    turns++
    if (reading) setImmediate(count)
  }
  count()
  await readBeside(bytes, { zone })
  reading = false
  expect(turns).toBeGreaterThan(5)
})

test('a mistake in the reader comes through, and is no refusal', async () => {
  const bytes = Buffer.from(`Date;Montant\n${'12/06/2026;1,10\n'.repeat(4000)}`)
  const failed = readBeside(bytes, { map: { booked: 7 as never, amount: 'Montant' } })
  await expect(failed).rejects.toBeInstanceOf(TypeError)
})
