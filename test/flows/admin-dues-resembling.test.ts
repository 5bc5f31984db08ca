// The same day of the bank in two formats, through the treasurer's pages: shown, not booked twice, and
// left aside by whoever sees that it is the same. What the reader remarks is told in the person's language.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { printCoda } from '../statements/printers.ts'
import { open, read, send } from '../support/at-home.ts'
import { type House, startHouse } from '../support/house.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'
import { IBAN, type Treasury, treasury, upload } from '../support/treasury.ts'

let house: House
let money: StaffMember
let books: Treasury
const core = () => house.installation.core
const STATEMENT = '/admin/dues/statement'
const at = (path: string) => open(house, money.browser, path)
const bring = async (bytes: Uint8Array, filename: string) =>
  upload(house, money.browser, await at(STATEMENT), bytes, { filename })

beforeAll(async () => {
  house = await startHouse()
  books = await treasury(house)
  money = await staffMember(house, 'money', 'treasurer')
})
afterAll(() => house.stop())

test('a day as CODA, then as camt.053: shown in the preview, asked in the inbox, left aside in one click', async () => {
  const payer = await books.payer()
  const line = books.line({ reference: await books.ogmOf(payer), name: 'ZOE' })
  const coda = Buffer.from(
    printCoda([
      { account: IBAN, number: '1', fromOn: '2026-06-12', toOn: '2026-06-12', opening: 1000, payments: [line] },
    ]),
  )
  const duplicate = Buffer.from(coda.toString('latin1').replace(/^(.{16})./s, '$1D'), 'latin1')
  const first = await bring(duplicate, 'juin.cod')
  expect(read(first)).toContain('Remarques du lecteur Ligne 1 : La banque marque cet extrait comme un duplicata.')
  await send(house, money.browser, first, {})

  const second = await bring(books.statement([{ ...line, bankRef: '' }]), 'juin.xml')
  expect(read(second)).toContain('Ressemble à une ligne du 12 juin 2026, de juin.cod')
  expect(read(await send(house, money.browser, second, {}))).toContain('Paiements enregistrés 0')
  expect(await core().store.payments.ofPayer(payer.member.id)).toHaveLength(1)

  const inbox = await at('/admin/dues/inbox')
  expect(read(inbox)).toContain('Ressemble à une ligne du 12 juin 2026, de juin.cod')
  const page = await at(/\/admin\/dues\/inbox\/[\w-]+/.exec(inbox.text)![0])
  expect(read(page)).toContain('Cette ligne ressemble à une autre qui est déjà là')
  const other = await at(
    /\/admin\/dues\/inbox\/[\w-]+/.exec(page.text.slice(page.text.indexOf('Voir l’autre') - 200))![0],
  )
  expect([other.status, read(other)]).toEqual([200, expect.stringContaining('paiement')])
  await send(house, money.browser, page, { act: 'same' })
  expect(read(await at(new URL(page.url).pathname))).toContain('La même qu’une ligne du 12 juin 2026, de juin.cod')
  expect(await core().store.books.waiting((await core().store.organisations.all())[0]!.id)).toBe(0)
})

test.each([
  ['fr', 'Le fichier est refusé à la ligne 1', 'n’est pas lu ici. À la banque, choisissez camt.053'],
  ['nl', 'Het bestand is geweigerd op regel 1', 'wat hier niet gelezen wordt'],
  ['en', 'The file is refused at line 1', 'which is not read here'],
  ['de', 'Die Datei wird in Zeile 1 abgelehnt', 'was hier nicht gelesen wird'],
])('in %s a refusal is said in the person’s language, with its line', async (locale, where, what) => {
  const brought = await bring(Buffer.from('!Type:Bank\nD01/01/2026\n'), 'x.qif')
  const page = await money.browser.fetch(brought.url, { headers: { 'accept-language': locale } })
  const shown = read(page)
  expect(shown).toContain(where)
  expect(shown).toContain(what)
  expect(page.text).not.toContain('lang="en">line')
})

test('nothing of the reader’s English is left on a French page', async () => {
  for (const bytes of [
    Buffer.from('x'),
    Buffer.from('%PDF'),
    Buffer.from('<a>'),
    books.statement([]).subarray(0, 600),
  ]) {
    const page = await bring(bytes, 'x')
    expect(read(page)).not.toMatch(/\b(the|this|download|choose)\b/)
  }
})
