// schedar dues …: what a treasurer does to one membership by hand, by the command line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { run } from '../../src/cli/program.ts'
import { openInstallation } from '../../src/compose.ts'
import { organisation } from '../contract/store-records.ts'
import { freePort } from '../support/ports.ts'

let folder: string
let file: string

async function schedar(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const result = { code: 0, out: '', err: '' }
  const write = (name: 'out' | 'err') => ({
    write: (text: string) => {
      result[name] += text
    },
  })
  const streams = { out: write('out'), err: write('err'), in: Readable.from([]), env: {} }
  result.code = await run(['--config', file, ...argv], streams)
  return result
}
async function json<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
  const { code, out, err } = await schedar('--json', ...argv)
  expect([argv, code, err]).toEqual([argv, 0, ''])
  return JSON.parse(out || 'null')
}
const day = (offset = 0): string => Temporal.Now.plainDateISO('Europe/Brussels').add({ days: offset }).toString()
const standing = async (number: string) => (await json('member', 'show', number)).standing
const terms = (number: string) => json<Record<string, string>[]>('dues', 'terms', number)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'schedar-cli-'))
  file = join(folder, 'schedar.yaml')
  const port = await freePort()
  writeFileSync(file, stringify({ issuer: `http://127.0.0.1:${port}`, listen: { port } }))
  const { core, close } = await openInstallation({ file, env: {}, log: { level: 'error', to: process.stderr } })
  await core.store.organisations.add(organisation())
  await close()
  for (const [name, amount] of [
    ['Effectif', '60'],
    ['Soutien', '120'],
  ] as const)
    await json(
      'dues',
      'tariff',
      name,
      '--amount',
      amount,
      '--period',
      'rolling',
      '--from',
      '2020-01-01',
      '--decision',
      'AG',
    )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let counter = 100
let number: string
beforeEach(async () => {
  number = String(++counter)
  await json('member', 'add', number, `Membre ${number}`)
  await json('dues', 'member', number, '--tariff', 'Effectif')
  await json('dues', 'call', '--yes')
})

test('exempt, and its early end', async () => {
  const refused = await schedar('dues', 'exempt', number, '--until', 'life', '--reason', 'AG 2026')
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringContaining(`cancel first the term that begins on ${day()}`),
  ])
  await json('dues', 'cancel', number, '--term', day(), '--reason', 'AG 2026')
  await json('dues', 'exempt', number, '--until', 'life', '--reason', 'AG 2026')
  expect([await standing(number), await terms(number)]).toMatchObject([
    'current',
    [{ cancelled: 'AG 2026' }, { due: 'exempt', until: 'life', why: 'AG 2026', cancelled: null }],
  ])
  const missed = await schedar('dues', 'end-exemption', number, '--term', '2020-01-01', '--on', day(), '--reason', 'x')
  expect([missed.code, missed.err]).toEqual([1, expect.stringContaining(`there are: ${day()}`)])
  await json('dues', 'end-exemption', number, '--term', day(), '--on', day(-1), '--reason', 'démission')
  expect(await standing(number)).toBe('applicant')
})

test('another tariff: shown, and done with a yes', async () => {
  await json('dues', 'pay', number, '60')
  const change = ['dues', 'change-tariff', number, 'Soutien', '--from', day()]
  expect(await json(...change, '--dry-run')).toMatchObject({ owed: '60.00', credit: '0.00', 'moved along': '60.00' })
  expect(await terms(number)).toHaveLength(1)
  const unsure = await schedar(...change)
  expect([unsure.code, unsure.err]).toEqual([1, expect.stringContaining('--yes')])
  await json(...change, '--yes')
  expect((await terms(number)).map(({ due, open }) => [due, open])).toEqual([
    ['60.00', ''],
    ['120.00', '60.00'],
  ])
  await json('dues', 'pay', number, '60')
  expect(await standing(number)).toBe('current')
})

test('a call that was a mistake; one of the two must be named', async () => {
  for (const more of [[], ['--term', day(), '--call', '1']])
    expect((await schedar('dues', 'cancel', number, '--reason', 'x', ...more)).err).toContain('--term or --call')
  const { reference } = await json<{ reference: string }>('dues', 'member', number)
  expect((await schedar('dues', 'cancel', number, '--call', '+++000/0000/00101+++', '--reason', 'x')).err).toContain(
    'no call under',
  )
  await json('dues', 'cancel', number, '--call', reference, '--reason', 'parti', '--without-tariff')
  expect(await json('dues', 'member', number)).toMatchObject({ tariff: null, open: [] })
})

test('a refund in part, a whole one with the bank’s date, and where the member stood', async () => {
  const { payment } = await json<{ payment: string }>('dues', 'pay', number, '60', '--on', day(-5))
  await json('dues', 'refund', payment, '10,50', '--note', 'trop payé', '--on', day(-1))
  expect(await standing(number)).toBe('applicant')
  const tooMuch = await schedar('dues', 'refund', payment, '49,51', '--note', 'x')
  expect([tooMuch.code, tooMuch.err]).toEqual([1, expect.stringContaining('4950 cents are left')])
  await json('dues', 'undo', payment, '--note', 'refusé', '--on', day())
  expect(
    (await json<Record<string, unknown>[]>('dues', 'payments', number)).map(({ amount }) => amount).toSorted(),
  ).toEqual(['-10.50', '-49.50', '60.00'])
  const stood = (...days: string[]) => json('member', 'show', number, ...days)
  expect(await stood('--on', day())).toMatchObject({ on: day(), knownOn: day(), standing: 'applicant' })
  expect(await stood('--on', day(), '--known-on', day(-1))).toMatchObject({ standing: 'applicant' })
  const wrong = await schedar('member', 'show', number, '--on', 'then')
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('not a date: then')])
})

test('closed, readmitted, called and paid: in order', async () => {
  await json('member', 'close', number, '--as', 'expelled')
  expect(await standing(number)).toBe('closed')
  await json('member', 'readmit', number, '--note', 'AG')
  await json('dues', 'call', '--yes')
  await json('dues', 'pay', number, '60')
  expect(await standing(number)).toBe('current')
})
