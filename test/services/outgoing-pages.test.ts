// The staff's pages for outgoing mail on a real Postfix: what its queue holds is shown, let go and removed through them, and
// what became of it is read from its log, in plain words.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { browserOf, open, read, tokenOf } from '../support/at-home.ts'
import type { Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { sentMessage } from '../support/outgoing.ts'
import { type Postfix, startPostfix } from '../support/postfix.ts'
import { smtp } from '../support/smtp.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

const ADA = 'ada@asso.example'
const HELD = '/admin/outgoing/held'

let postfix: Postfix
let house: House
let boss: StaffMember
let ada: Person
const core = () => house.installation.core

beforeAll(async () => {
  postfix = await startPostfix()
  house = await startHouse({ config: { services: { mail: { plugin: 'postfix', ...postfix.config } } } })
  // Whatever comes from this machine is held, as a burst is.
  await postfix.set(
    'mynetworks=127.0.0.0/8',
    'smtpd_relay_restrictions=permit_mynetworks,reject',
    'smtpd_recipient_restrictions=permit_mynetworks,reject',
    'smtpd_sender_restrictions=',
    'smtpd_end_of_data_restrictions=check_client_access static:HOLD',
  )
  boss = await staffMember(house, 'boss', 'admin')
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  const box = await addResource(core())({ memberId: ada.member!.id, kind: 'mailbox', name: ADA, actor: 'test' })
  await addLogin(core())({ mailboxId: box.id, accountId: ada.account.id, actor: 'test' })
})
afterAll(async () => {
  await house?.stop()
  await postfix?.remove()
})

/** A message of hers that Postfix holds: its queue id. */
async function held(to: string, subject: string): Promise<string> {
  const client = await smtp(postfix.smtpPort)
  const text = `Subject: ${subject}\r\nX-PHP-Originating-Script: 1042:contact.php\r\n\r\nBonjour`
  const reply = await client.send({ from: ADA, to: [to], text })
  client.close()
  const queueId = /queued as (\w+)/.exec(reply)?.[1]
  expect([reply, queueId]).toEqual([reply, expect.any(String)])
  const { memberId } = (await core().store.resources.byName('mailbox', ADA))!
  await sentMessage(core(), { service: 'mail', queueId: queueId!, login: ADA, memberId, state: 'held' })
  return queueId!
}
const queued = async (): Promise<string[]> =>
  (await postfix.command('postqueue', '-j'))
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { queue_id: string }).queue_id)
const decide = async (...fields: [string, string][]): Promise<Reply> => {
  const csrf = tokenOf(await open(house, boss.browser, HELD))
  const body = Buffer.from(new URLSearchParams([['csrf', csrf], ['login', ADA], ...fields]).toString())
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return boss.browser.follow(await boss.browser.fetch(house.issuer + HELD, { method: 'POST', body, headers }))
}

test('held, looked at, removed and let go; then what became of it, for the staff and for whoever sent it', async () => {
  postfix.sink.replies.set('gone@example.net', '550 5.1.1 <gone@example.net>: Recipient address rejected: User unknown')
  postfix.sink.replies.set('later@example.net', '450 4.7.1 <later@example.net>: Greylisted for 5 minutes')
  const spam = await held('victim@example.net', '=?UTF-8?Q?Gagnez_=C3=A0_coup_s=C3=BBr?=')
  const [good, wrong, late] = [
    await held('zoe@example.net', 'Bonjour'),
    await held('gone@example.net', 'Perdu'),
    await held('later@example.net', 'Plus tard'),
  ]
  const page = read(await open(house, boss.browser, HELD))
  expect(page).toMatch(/Gagnez à coup sûr Script : 1042:contact\.php ada@asso\.example victim@example\.net/)
  expect(page).toContain('Messages retenus : 4')

  await decide(['act', 'remove'], ['confirmed', 'yes'], ['message', `mail ${spam}`])
  expect((await queued()).toSorted()).toEqual([good, wrong, late].toSorted())
  await decide(['act', 'release-all'])
  await expect.poll(() => postfix.sink.mails.map(({ to }) => to), { timeout: 20_000 }).toEqual([['zoe@example.net']])
  expect(postfix.sink.mails[0]!.text).toContain('Bonjour')

  const told = async (who: StaffMember['browser'], path: string) =>
    read(await open(house, who, `${path}?recipient=${encodeURIComponent('@example.net')}`))
  await expect
    .poll(() => told(boss.browser, '/admin/outgoing/trace'), { timeout: 20_000 })
    .toMatch(/(?=.*zoe@example\.net Remis)(?=.*gone@example\.net Refusé)(?=.*later@example\.net En attente)/)
  const hers = await told(await browserOf(house, ada), '/account/mail/trace')
  expect(hers).toMatch(/gone@example\.net Refusé .*Cette adresse n’existe pas\./)
  expect(hers).toContain('550 5.1.1 <gone@example.net>: Recipient address rejected: User unknown')
  expect(hers).toMatch(
    /later@example\.net En attente .*demande aux inconnus de revenir un peu plus tard\. Nous réessayons/,
  )
  expect(hers).not.toContain('victim@')
  const stranger = await house.person({ username: 'bob', coveredForDays: 30 })
  expect(await told(await browserOf(house, stranger), '/account/mail/trace')).toContain('Rien n’est noté')
})

test('a queue that cannot be asked hides nothing, and decides nothing', async () => {
  const one = await held('zoe@example.net', 'Encore')
  await postfix.stop()
  const page = read(await open(house, boss.browser, HELD))
  expect(page).toContain('Messages retenus : 1')
  await postfix.start()
  await decide(['act', 'remove-all'], ['confirmed', 'yes'])
  expect(await queued()).not.toContain(one)
})
