// A treasury for tests through the pages: tariff, account, called members, statements as a bank prints them, and sending a
// file as a browser does.
import type { Member } from '../../src/ports.ts'
import { callDues } from '../../src/usecases/call-dues.ts'
import { addTariff, setBankAccount, setMemberDues } from '../../src/usecases/tariffs.ts'
import { type Payment, printCamt } from '../statements/printers.ts'
import { tokenOf } from './at-home.ts'
import type { Browser, Reply } from './browser-jar.ts'
import type { House, Person, PersonInput } from './house.ts'
import { follow } from './relying-party.ts'

export const IBAN = 'BE71096123456769'

export async function treasury(house: House) {
  const core = () => house.installation.core
  await setBankAccount(core())({ iban: IBAN, holder: 'Cassiopée ASBL', actor: 'test' })
  await addTariff(core())({
    name: 'Effectif',
    period: 'rolling',
    yearStartsOn: '01-01',
    months: 12,
    amountCents: 6000,
    validFromOn: '2020-01-01',
    decisionRef: 'AG 2019',
    actor: 'test',
  })
  let [count, refs] = [0, 0]
  return {
    /** Somebody who pays the tariff, called when cover ends within a month. */
    async payer(more: Partial<PersonInput> = {}): Promise<Person & { member: Member }> {
      const person = await house.person({ username: `payer${++count}`, coveredForDays: -60, ...more })
      const member = person.member!
      await setMemberDues(core())({ memberId: member.id, tariff: 'Effectif', payerId: null, actor: 'test' })
      await callDues(core())({ actor: 'test' })
      return { ...person, member }
    },
    ogmOf: async ({ member }: { member: Member }): Promise<string> =>
      (await core().store.calls.ofPayer(member.id))[0]!.ogm,
    /** A line of a statement. */
    line: (more: Partial<Payment> = {}): Payment => ({
      cents: 6000,
      bookedOn: '2026-06-12',
      valueOn: '2026-06-12',
      name: 'X',
      iban: '',
      reference: null,
      text: '',
      bankRef: `R${++refs}`,
      endToEndId: '',
      ...more,
    }),
    statement: (payments: Payment[], account = IBAN): Uint8Array =>
      printCamt([
        { account, number: String(refs), fromOn: '2026-06-12', toOn: '2026-06-12', opening: 100_000, payments },
      ]),
  }
}
export type Treasury = Awaited<ReturnType<typeof treasury>>

export type Part = { name: string; value: string | Uint8Array; filename?: string }

/** The octets of a multipart form; a file name is written as it is given. */
export function multipart(parts: readonly Part[], boundary = 'b0undary'): Buffer {
  const pieces = parts.flatMap(({ name, value, filename }) => [
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n`,
    `${filename === undefined ? '' : 'content-type: application/octet-stream\r\n'}\r\n`,
    value,
    '\r\n',
  ])
  return Buffer.concat([...pieces, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece as string)))
}

/** Sends a file with the form of a page, as a browser does; the page at which that ends. */
export async function upload(
  house: House,
  browser: Browser,
  page: Reply,
  bytes: Uint8Array,
  {
    filename = 'juin.xml',
    more = [],
    headers = {},
  }: { filename?: string; more?: Part[]; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const body = multipart([{ name: 'csrf', value: tokenOf(page) }, ...more, { name: 'file', value: bytes, filename }])
  const reply = await browser.fetch(`${house.issuer}/admin/dues/statement`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'multipart/form-data; boundary=b0undary', origin: house.issuer, ...headers },
  })
  return follow(browser, reply, 'never:')
}
