// The treasurer's statement through the pages: brought along, shown, imported; everybody who paid is back. And what is
// brought that is no statement, or by nobody who may.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sweepAll } from '../../src/serve.ts'
import { browserOf, open, read, send, titleOf, tokenOf } from '../support/at-home.ts'
import type { Reply } from '../support/browser-jar.ts'
import { DAY, type House, startHouse } from '../support/house.ts'
import { relyingParty } from '../support/relying-party.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'
import { multipart, type Treasury, treasury, upload } from '../support/treasury.ts'

let house: House
let money: StaffMember
let second: StaffMember
let books: Treasury
const core = () => house.installation.core
const STATEMENT = '/admin/dues/statement'

beforeAll(async () => {
  house = await startHouse()
  books = await treasury(house)
  money = await staffMember(house, 'money', 'treasurer')
  second = await staffMember(house, 'second', 'treasurer')
})
afterAll(() => house.stop())

const at = (path: string, who = money): Promise<Reply> => open(house, who.browser, path)
const bring = async (bytes: Uint8Array, more: Parameters<typeof upload>[4] = {}): Promise<Reply> =>
  upload(house, money.browser, await at(STATEMENT), bytes, more)
const standing = async ({ member }: { member: { id: string } }) =>
  (await core().store.standings.get(member.id))?.standing
const files = async () => core().store.bank.files((await core().store.organisations.all())[0]!.id)
const kept = (): Promise<string[]> => house.installation.database.knex('upload').distinct('digest').pluck('digest')

describe('a statement', () => {
  test('is shown, writes nothing, is imported, and everybody who paid is back', async () => {
    const rp = await relyingParty(house, { name: 'Le wiki' })
    const [zoe, max, ida] = [await books.payer(), await books.payer(), await books.payer()]
    const left = books.line({ cents: -1250, name: 'BOULANGERIE' })
    const bytes = books.statement([
      books.line({ reference: await books.ogmOf(zoe) }),
      books.line({ text: `***${await books.ogmOf(max)}***` }),
      books.line({ name: ida.account.name.toUpperCase() }),
      books.line({ name: 'NOBODY', text: 'merci' }),
      left,
    ])
    const access = async ({ account }: typeof zoe) => (await core().doors.access(account.id, rp.clientId)).access
    expect([await access(zoe), await access(max), await access(ida)]).toEqual(['none', 'none', 'none'])

    const shown = await bring(bytes)
    expect([shown.status, titleOf(shown)]).toEqual([200, 'juin.xml'])
    const said = read(shown)
    for (const part of [
      'Paiements reconnus 2 (120,00 €)',
      'À confirmer 1 (60,00 €)',
      'Argent sorti 1 (-12,50 €)',
      `Paiement de ${zoe.member.name}`,
      `Peut-être ${ida.member.name}`,
      '1 000,00 € → 1 227,50 €',
      'Importer les nouvelles lignes (5)',
    ])
      expect(said).toContain(part)
    expect([await files(), await standing(zoe)]).toEqual([[], 'lapsed'])

    const done = await send(house, money.browser, shown, {})
    expect(read(done)).toContain('Paiements enregistrés 2')
    expect(read(done)).toContain('Lignes à attribuer 3')
    expect([await standing(zoe), await standing(max), await standing(ida)]).toEqual(['current', 'current', 'lapsed'])
    expect([await access(zoe), await access(max), await access(ida)]).toEqual(['full', 'full', 'none'])
    const [file] = await files()
    expect(file).toMatchObject({ name: 'juin.xml', importedBy: money.person.account.id })

    // The other treasurer had the same file open, and sends it a minute later.
    const late = await second.browser.fetch(shown.url, { form: { csrf: tokenOf(await at(STATEMENT, second)) } })
    expect(read(late)).toContain('Lignes déjà là 5')
    expect(await core().store.payments.ofPayer(zoe.member.id)).toHaveLength(1)
    const reread = read(await at(new URL(shown.url).pathname))
    expect(reread).toContain('Ce fichier a déjà été importé par money')
    expect(reread).toContain('Il n’y a rien de nouveau dans ce fichier.')
    expect(reread).not.toContain('Importer les nouvelles lignes')
    await rp.close()
  })

  test('two treasurers with one file import it once; a restart between the pages loses nothing', async () => {
    const zoe = await books.payer()
    const bytes = books.statement([books.line({ reference: await books.ogmOf(zoe) })])
    const one = await bring(bytes)
    const other = await upload(house, second.browser, await at(STATEMENT, second), bytes, { filename: 'other.xml' })
    await house.restart()
    const replies = await Promise.all([send(house, money.browser, one, {}), send(house, second.browser, other, {})])
    expect(replies.map(({ status }) => status)).toEqual([200, 200])
    expect(replies.map((reply) => /Paiements enregistrés (\d)/.exec(read(reply))![1]).toSorted()).toEqual(['0', '1'])
    expect(await core().store.payments.ofPayer(zoe.member.id)).toHaveLength(1)
  })

  test('is kept for a day, and then has to be brought again', async () => {
    const shown = await bring(books.statement([books.line()]))
    expect(await kept()).not.toEqual([])
    await sweepAll(house.installation)
    expect((await at(new URL(shown.url).pathname)).status).toBe(200)
    house.clock.advance(DAY + 1000)
    await sweepAll(house.installation)
    expect(await kept()).toEqual([])
    house.clock.advance(-DAY - 1000)
    const gone = await at(new URL(shown.url).pathname)
    expect([gone.status, read(gone)]).toEqual([404, expect.stringContaining('Ce fichier n’est plus gardé ici')])
    const sent = await money.browser.fetch(shown.url, { form: { csrf: tokenOf(await at(STATEMENT)) } })
    expect([sent.status, read(sent)]).toEqual([404, expect.stringContaining('Déposez-le à nouveau')])
  })
})

describe('CSV', () => {
  const csv =
    'Ma banque;BE71096123456769\nDate;Montant;Libellé;Nom\n12/06/2026;60,00;***OGM***;ZOE\n13/06/2026;-2,00;frais;\n'
  test('asks once which column is what, keeps it under the bank’s name, and offers it', async () => {
    const zoe = await books.payer()
    const bytes = Buffer.from(csv.replace('OGM', await books.ogmOf(zoe)))
    const asks = await bring(bytes, { filename: 'releve.csv' })
    expect(asks.status).toBe(200)
    expect(read(asks)).toContain('dites quelle colonne est quoi')
    expect(read(asks)).toContain('Date;Montant;Libellé;Nom')
    const wrong = await send(house, money.browser, asks, {
      act: 'map',
      booked: 'Date',
      amount: 'Betrag',
      name: 'Ma banque',
    })
    expect([wrong.status, read(wrong)]).toEqual([422, expect.stringContaining('«Betrag»')])
    const columns = { act: 'map', booked: 'Date', amount: 'Montant', communication: 'Libellé+Nom', name: 'Ma banque' }
    const shown = await send(house, money.browser, wrong, columns)
    expect(read(shown)).toContain(`Paiement de ${zoe.member.name}`)
    expect(read(shown)).toContain('rien ne prouve que le fichier est entier')
    expect(read(await send(house, money.browser, shown, {}))).toContain('Paiements enregistrés 1')
    expect((await at(STATEMENT)).text).toContain('<option value="Ma banque"')
    const next = await bring(Buffer.from(`${csv}14/06/2026;1,00;x;y\n`), {
      more: [{ name: 'map', value: 'Ma banque' }],
    })
    expect(read(next)).toContain('À attribuer')
  })

  test.each([
    [{ booked: '', amount: 'Montant', name: 'X' }, 422],
    [{ booked: 'Date', amount: '', name: 'X' }, 422],
    [{ booked: 'Date', amount: 'Montant', name: '<b>' }, 422],
    [{ booked: 'Date', amount: 'Montant', name: 'X', decimal: 'x' }, 422],
    [{ booked: 'x'.repeat(201), amount: 'Montant', name: 'X' }, 422],
  ] as [Record<string, string>, number][])('a mapping that is none: %o', async (fields, status) => {
    const asks = await bring(Buffer.from(`${csv}${crypto.randomUUID()}`), { filename: 'releve.csv' })
    const answer = await send(house, money.browser, asks, { act: 'map', ...fields })
    expect(answer.status).toBe(status)
    expect(await core().store.settings.get('statement_map.X')).toBeUndefined()
  })
})

describe('refused, with the line and in words, and nothing kept in the books', () => {
  const balance = () =>
    Buffer.from(
      Buffer.from(books.statement([books.line()]))
        .toString()
        .replace('<Amt Ccy="EUR">60.00', '<Amt Ccy="EUR">61.00'),
    )
  test.each([
    ['a balance that does not hold', balance, 'ne tombe pas juste'],
    ['another account', () => books.statement([books.line()], 'BE68539007547034'), 'un autre compte'],
    [
      'another currency',
      () =>
        Buffer.from(
          Buffer.from(books.statement([books.line()]))
            .toString()
            .replaceAll('EUR', 'USD'),
        ),
      'une autre monnaie',
    ],
    ['a PDF', () => Buffer.from('%PDF-1.7'), 'choisissez camt.053'],
    ['half a file', () => books.statement([books.line()]).subarray(0, 700), 'abîmé, coupé'],
    ['blanks', () => Buffer.from(' \n '), 'Le fichier est vide'],
    [
      'an XML bomb',
      () =>
        Buffer.from('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><Document>&c;</Document>'),
      'n’est pas un extrait de compte',
    ],
  ])('%s', async (_what, bytes, told) => {
    const before = await files()
    const page = await bring(bytes())
    expect([page.status, read(page)]).toEqual([422, expect.stringContaining(told)])
    expect(page.text).not.toContain('value="import"')
    const sent = await money.browser.fetch(page.url, { form: { csrf: tokenOf(await at(STATEMENT)), act: 'import' } })
    expect(sent.status).toBe(422)
    expect(await files()).toEqual(before)
  })
})

describe('attacks', () => {
  test('names and communications are text, in every place', async () => {
    const evil = '<script>alert(1)</script>'
    const page = await bring(
      books.statement([books.line({ name: evil, text: `"><img src=x onerror=alert(1)>${evil}` })]),
      {
        filename: `<b>${'x'.repeat(200)}.xml`,
      },
    )
    const done = await send(house, money.browser, page, {})
    const inbox = await at('/admin/dues/inbox')
    for (const { text, status } of [page, done, inbox, await at(STATEMENT)]) {
      expect(status).toBe(200)
      expect(text).not.toMatch(/<script>alert|<img src=x|<b>x/)
    }
    expect(inbox.text).toContain('&lt;script&gt;')
  })

  test.each([
    ['../../../etc/passwd', 'passwd'],
    ['C:\\Users\\x\\juin.xml', 'juin.xml'],
    ['/etc/\u0000sh\u202eadow.xml', 'shadow.xml'],
    ['..', '..'],
  ])('a path in the name is only a name: %j', async (filename, name) => {
    const page = await bring(books.statement([books.line()]), { filename })
    expect(new URL(page.url).searchParams.get('name')).toBe(name)
    for (const file of await kept()) expect(file).toMatch(/^[0-9a-f]{64}$/)
  })

  test.each(['..%2f..%2fschedar.yaml', '..%2fschedar.db', 'a'.repeat(64), `${'A'.repeat(64)}`, '0', '%00'])(
    'no other file can be read: %s',
    async (digest) => {
      const page = await at(`${STATEMENT}/${digest}`)
      expect([page.status, page.text.includes('issuer')]).toEqual([404, false])
    },
  )

  test('without our token, from elsewhere, without a file, or with two names for one', async () => {
    const bytes = books.statement([books.line()])
    const csrf = tokenOf(await at(STATEMENT))
    const before = (await kept()).length
    const post = (body: Uint8Array, headers: Record<string, string> = {}) =>
      money.browser.fetch(house.issuer + STATEMENT, {
        method: 'POST',
        body,
        headers: { 'content-type': 'multipart/form-data; boundary=b0undary', ...headers },
      })
    const file = { name: 'file', value: bytes, filename: 'a.xml' }
    const token = { name: 'csrf', value: csrf }
    const tries: [Promise<Reply>, number][] = [
      [post(multipart([file])), 403],
      [post(multipart([{ name: 'csrf', value: 'x' }, file])), 403],
      [post(multipart([{ name: 'csrf', value: csrf, filename: 'csrf' }, file])), 403],
      [post(multipart([token, file]), { origin: 'https://evil.example' }), 403],
      [post(multipart([token, file]), { 'sec-fetch-site': 'cross-site' }), 403],
      [post(multipart([token])), 422],
      [post(multipart([token, { name: 'file', value: '', filename: '' }])), 422],
      [post(multipart([token, { name: 'file', value: '', filename: 'empty.xml' }])), 422],
      [post(multipart([token, { name: 'file', value: 'not a file' }])), 422],
      [post(multipart([token, file], 'other')), 400],
      [post(multipart([token, file]).subarray(0, 500)), 400],
      [post(Buffer.from('no form at all')), 400],
      [post(multipart([token, file]), { 'content-type': 'multipart/form-data' }), 400],
      [post(multipart([token, file]), { 'content-type': 'application/octet-stream' }), 400],
    ]
    for (const [at, [answer, status]] of tries.entries()) expect([at, (await answer).status]).toEqual([at, status])
    expect(await kept()).toHaveLength(before)
  })

  test('other pages take no file', async () => {
    const body = multipart([{ name: 'csrf', value: tokenOf(await at(STATEMENT)) }])
    const headers = { 'content-type': 'multipart/form-data; boundary=b0undary' }
    const answer = await money.browser.fetch(`${house.issuer}/admin/dues/call`, { method: 'POST', body, headers })
    expect(answer.status).toBe(400)
  })

  test('too large: said at once when it is announced, and when it is not', async () => {
    const csrf = tokenOf(await at(STATEMENT))
    const before = (await kept()).length
    const headers = { 'content-type': 'multipart/form-data; boundary=b0undary' }
    const huge = multipart([
      { name: 'csrf', value: csrf },
      { name: 'file', value: Buffer.alloc(65 * 1024 * 1024, 'x'), filename: 'x' },
    ])
    const answer = await money.browser.fetch(house.issuer + STATEMENT, { method: 'POST', body: huge, headers })
    expect([answer.status, read(answer)]).toEqual([413, expect.stringContaining('trop long')])
    const announced = await money.browser.fetch(house.issuer + STATEMENT, {
      method: 'POST',
      body: Buffer.from('x'),
      headers: { ...headers, 'content-length': String(10 ** 12) },
    })
    expect(announced.status).toBe(413)
    expect(await kept()).toHaveLength(before)
  })

  test('slow or broken off: nothing is kept, and others are served meanwhile', async () => {
    const before = (await kept()).length
    const { port, hostname } = new URL(house.issuer)
    const cookie = money.browser
      .cookies(hostname)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.write(
      `POST ${STATEMENT} HTTP/1.1\r\nhost: ${new URL(house.issuer).host}\r\ncookie: ${cookie}\r\ncontent-type: multipart/form-data; boundary=b0undary\r\ncontent-length: 5000\r\n\r\n--b0undary\r\n`,
    )
    for (let beat = 0; beat < 3; beat++) {
      socket.write('x')
      expect((await at(STATEMENT)).status).toBe(200)
    }
    socket.destroy()
    await expect
      .poll(() => house.logged.some((line) => line.includes('the form broke off')), { timeout: 5000 })
      .toBe(true)
    expect(await kept()).toHaveLength(before)
  })

  test('nobody but the treasurer and an administrator brings one', async () => {
    const helper = await staffMember(house, 'helper', 'helper')
    const ada = await house.person({ username: 'ada', coveredForDays: 30 })
    const bytes = books.statement([books.line()])
    const before = (await kept()).length
    for (const browser of [helper.browser, await browserOf(house, ada)]) {
      const page = await open(house, browser, '/account/password')
      expect((await upload(house, browser, page, bytes)).status).toBe(403)
    }
    expect(await kept()).toHaveLength(before)
    expect(readFileSync(house.file, 'utf8')).not.toContain('uploads')
  })
})
