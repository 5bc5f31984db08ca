// The staff's pages for outgoing mail: who sends how much, stopping and letting send again, held messages, what became of a
// message, and one notice to everyone concerned.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { makeSiteLogin } from '../../src/usecases/site-login.ts'
import { open, read, send, titleOf, tokenOf } from '../support/at-home.ts'
import { linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { heldMessage, queueIn, sentMessage, type TestQueue } from '../support/outgoing.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

const OUT = '/admin/outgoing'
const HELD = `${OUT}/held`
const ADA = 'ada@ada.example'
const SITE = 'velo.example'
const HOUR = 3_600_000

let house: House
let boss: StaffMember
let helper: StaffMember
let ada: Person
let queue: TestQueue
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
  boss = await staffMember(house, 'boss', 'admin')
  helper = await staffMember(house, 'helper', 'helper')
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  const [memberId, actor] = [ada.member!.id, 'test']
  const box = await addResource(core())({ memberId, kind: 'mailbox', name: ADA, actor })
  await addLogin(core())({ mailboxId: box.id, accountId: ada.account.id, actor })
  const site = await addResource(core())({ memberId, kind: 'site', name: SITE, actor })
  await makeSiteLogin(core())({ siteId: site.id, actor })
})
afterAll(() => house.stop())
beforeEach(() => {
  queue = queueIn(house)
})

const at = (path: string, staff = boss): Promise<Reply> => open(house, staff.browser, path)
const act = async (path: string, fields: Record<string, string> = {}): Promise<Reply> =>
  send(house, boss.browser, await at(path), fields)
/** Sends these fields alone, as a form in which nothing else was ticked. */
const post = async (path: string, fields: [string, string][], staff = boss): Promise<Reply> => {
  const csrf = tokenOf(await at(`${OUT}/stop`, boss === staff ? boss : helper)) || tokenOf(await at('/', staff))
  const body = Buffer.from(new URLSearchParams([['csrf', csrf], ...fields]).toString())
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return staff.browser.follow(await staff.browser.fetch(house.issuer + path, { method: 'POST', body, headers }))
}
const quarantined = async (login: string) => (await core().store.quarantines.ofLogin(login)) !== undefined
const state = async (queueId: string) => (await core().store.outgoing.get('postfix', queueId))?.state

describe('who sends how much', () => {
  test('of a day and of a week, beside bars; the whole in columns', async () => {
    const memberId = ada.member!.id
    const now = core().clock.now()
    await sentMessage(core(), { login: ADA, memberId, recipients: 30, at: now - 2 * HOUR })
    await sentMessage(core(), { login: ADA, memberId, recipients: 12, at: now - 50 * HOUR })
    await sentMessage(core(), { login: SITE, memberId, recipients: 7, at: now - 1000 })
    await sentMessage(core(), { login: 'old@ada.example', recipients: 900, at: now - 8 * 24 * HOUR })
    const page = await at(OUT)
    const text = read(page)
    expect(text).toMatch(/Destinataires par heure depuis le .* : 37 en tout, 30 au plus dans une heure\./)
    expect(text).toMatch(/Destinataires par jour depuis le .* : 49 en tout, 37 au plus dans un jour\./)
    expect(text).toMatch(/ada@ada\.example Ada Essai 30 42 2 .* velo\.example Ada Essai 7 7 1/)
    expect(text).not.toContain('old@')
    expect(page.text).toMatch(/<svg class="columns"[^>]* aria-hidden="true"/)
    expect(page.text.match(/<rect /g)!.length).toBeGreaterThan(24)
    // Pages without script: what is drawn is in the markup.
    expect(page.text).not.toMatch(/<script(?! src)/)
  })

  test('of one login', async () => {
    const text = read(await at(`${OUT}?login=${SITE}`))
    expect(text).toMatch(/Destinataires par jour depuis le .* : 7 en tout, 7 au plus/)
    expect(text).not.toContain(ADA)
  })

  test('a helper reads, and finds nothing to press', async () => {
    const page = await at(OUT, helper)
    expect(read(page)).toContain('velo.example')
    expect(page.text).not.toMatch(/outgoing\/(stop|allow|notice)/)
    expect(page.text).not.toContain('method="post"')
  })
})

describe('stopping', () => {
  test('by hand, with a reason; then one click lets send again', async () => {
    const page = await at(OUT)
    const form = await open(house, boss.browser, linkOf(page, new RegExp(`stop\\?login=${encodeURIComponent(ADA)}`)))
    const done = await send(house, boss.browser, form, { reason: 'Un mot de passe <volé>' })
    expect(read(done)).toMatch(/ada@ada\.example .*à la main Un mot de passe <volé> boss/)
    expect(await quarantined(ADA)).toBe(true)
    expect(await quarantined(SITE)).toBe(false)
    expect(read(await at('/admin'))).toContain('Des envois sont arrêtés : 1. Voir')
    const again = await send(house, boss.browser, await at(OUT), { id: (await core().store.quarantines.open())[0]!.id })
    expect(titleOf(again)).toBe('Courrier sortant')
    expect(read(again)).toContain('Personne n’est arrêté.')
    expect(await quarantined(ADA)).toBe(false)
    const told = await core().store.audit.list({ subjectId: ADA })
    expect(told.map(({ action, actor }) => [action, actor])).toEqual([
      ['login.quarantined', boss.person.account.id],
      ['login.quarantine_lifted', boss.person.account.id],
    ])
  })

  test.each([
    [{ login: ADA, reason: ' ' }, 'reason'],
    [{ login: 'nobody@ada.example', reason: 'x' }, 'login'],
    [{ login: '', reason: 'x' }, 'login'],
    [{ login: '%', reason: 'x' }, 'login'],
  ])('%j is refused at its field', async (fields, field) => {
    const page = await act(`${OUT}/stop`, fields)
    expect([page.status, page.text.includes(`id="${field}-wrong"`)]).toEqual([422, true])
    expect(await core().store.quarantines.open()).toEqual([])
  })

  test('twice is once; letting send again what is open already does nothing', async () => {
    await act(`${OUT}/stop`, { login: SITE, reason: 'x' })
    expect((await act(`${OUT}/stop`, { login: SITE, reason: 'y' })).status).toBe(409)
    const [open] = await core().store.quarantines.open()
    for (let n = 0; n < 2; n++) expect((await post(`${OUT}/allow`, [['id', open!.id]])).status).toBe(200)
    expect(await core().store.audit.list({ subjectId: SITE, action: 'login.quarantine_lifted' })).toHaveLength(1)
  })
})

describe('held messages', () => {
  test('show sender, recipients, subject, script and size, as text', async () => {
    await heldMessage(core(), queue, {
      login: SITE,
      subject: 'Gagnez <b>vite</b>',
      script: '1042:contact.php',
      recipients: Array.from({ length: 9 }, (_, n) => `r${n}@example.net`),
    })
    const overview = await at(OUT)
    expect(read(overview)).toMatch(/Messages retenus .*velo\.example 1 2/)
    const page = await open(house, boss.browser, linkOf(overview, /outgoing\/held/))
    expect(read(page)).toMatch(
      /Gagnez <b>vite<\/b> Script : 1042:contact\.php velo\.example r0@example\.net .* et 4 de plus 2 ko/,
    )
    expect(page.text).not.toContain('<b>vite')
    queue.down = true
    expect(read(await at(HELD))).toContain('Le serveur de courrier ne le montre pas')
    queue.down = false
    await post(HELD, [
      ['act', 'remove-all'],
      ['login', SITE],
      ['confirmed', 'yes'],
    ])
  })

  test('one goes, several go, the others stay', async () => {
    const [one, two, three] = [
      await heldMessage(core(), queue, { login: ADA }),
      await heldMessage(core(), queue, { login: ADA }),
      await heldMessage(core(), queue, { login: ADA }),
    ]
    const done = await post(HELD, [
      ['act', 'release'],
      ['login', ADA],
      ['message', `postfix ${one}`],
      ['message', `postfix ${two}`],
    ])
    expect(read(done)).toContain(`Objet ${three}`)
    expect(read(done)).not.toContain(`Objet ${one}`)
    expect(queue.done).toEqual([`release ${one}`, `release ${two}`])
    expect([await state(one), await state(two), await state(three)]).toEqual(['released', 'released', 'held'])
    await post(HELD, [
      ['act', 'release-all'],
      ['login', ADA],
    ])
    expect(await state(three)).toBe('released')
  })

  test('removing asks once more; cancelled, nothing is gone', async () => {
    const [one, two] = [
      await heldMessage(core(), queue, { login: ADA }),
      await heldMessage(core(), queue, { login: ADA }),
    ]
    const asked = await post(HELD, [
      ['act', 'remove'],
      ['login', ADA],
      ['message', `postfix ${one}`],
    ])
    expect(titleOf(asked)).toBe('Supprimer des messages : 1')
    expect([await state(one), queue.done]).toEqual(['held', []])
    const csrfless = asked.text.includes('name="confirmed" value="yes"')
    expect(csrfless).toBe(true)
    await post(HELD, [
      ['act', 'remove'],
      ['login', ADA],
      ['confirmed', 'yes'],
      ['message', `postfix ${one}`],
    ])
    expect([await state(one), await state(two)]).toEqual(['purged', 'held'])
    const all = await post(HELD, [
      ['act', 'remove-all'],
      ['login', ADA],
    ])
    expect([titleOf(all), await state(two)]).toEqual([`Supprimer tout de ${ADA}`, 'held'])
    const gone = await post(HELD, [
      ['act', 'remove-all'],
      ['login', ADA],
      ['confirmed', 'yes'],
    ])
    expect([await state(two), read(gone).includes('Rien n’est retenu.')]).toEqual(['purged', true])
    expect(queue.done).toEqual([`purge ${one}`, `purge ${two}`])
  })

  test('all of one login are all of it, however many, and of no other', async () => {
    const many = Array.from({ length: 510 }, (_, n) => `Q${String(n).padStart(9, '0')}`)
    await core().store.outgoing.submitted(
      many.map((queueId) => ({
        service: 'postfix',
        queueId,
        login: SITE,
        memberId: null,
        sender: SITE,
        recipients: 1,
        sizeBytes: 1,
        clientAddress: '',
        at: core().clock.now(),
        state: 'held',
      })),
    )
    for (const queueId of many)
      queue.there.set(queueId, {
        queueId,
        sender: SITE,
        recipients: ['x@example.net'],
        subject: '',
        sizeBytes: 1,
        arrivedAt: 0,
        script: '',
      })
    const other = await heldMessage(core(), queue, { login: ADA })
    expect(read(await at(HELD))).toMatch(/montrés : 100/)
    await post(HELD, [
      ['act', 'release-all'],
      ['login', SITE],
    ])
    expect(queue.done).toHaveLength(510)
    expect(await core().store.outgoing.list({ login: SITE, state: 'held', limit: 10 })).toEqual([])
    expect(await state(other)).toBe('held')
  })

  test.each([
    [
      'nothing chosen',
      [
        ['act', 'release'],
        ['login', ADA],
      ],
      422,
    ],
    [
      'an act that is none',
      [
        ['act', 'explode'],
        ['login', ADA],
      ],
      400,
    ],
    [
      'all of nobody',
      [
        ['act', 'remove-all'],
        ['login', ''],
        ['confirmed', 'yes'],
      ],
      400,
    ],
    [
      'a message that is none',
      [
        ['act', 'remove'],
        ['login', ADA],
        ['confirmed', 'yes'],
        ['message', 'x'],
      ],
      400,
    ],
    [
      'an id that is an option',
      [
        ['act', 'release'],
        ['login', ADA],
        ['message', 'postfix ALL'],
      ],
      200,
    ],
    [
      'an id of nobody',
      [
        ['act', 'remove'],
        ['login', ADA],
        ['confirmed', 'yes'],
        ['message', 'postfix -d'],
      ],
      200,
    ],
  ] as [string, [string, string][], number][])('%s touches nothing', async (_, fields, status) => {
    const one = await heldMessage(core(), queue, { login: ADA })
    expect((await post(HELD, fields)).status).toBe(status)
    expect([await state(one), queue.done]).toEqual(['held', []])
  })

  test('a mail server that is down says so, and nothing is lost', async () => {
    const one = await heldMessage(core(), queue, { login: ADA })
    queue.down = true
    const answer = await post(HELD, [
      ['act', 'release'],
      ['login', ADA],
      ['message', `postfix ${one}`],
    ])
    expect([answer.status, read(answer).includes('Un service ne répond pas')]).toEqual([503, true])
    expect(await state(one)).toBe('held')
  })

  test('a helper looks and decides nothing', async () => {
    const one = await heldMessage(core(), queue, { login: ADA })
    const page = await at(HELD, helper)
    expect(read(page)).toContain(`Objet ${one}`)
    expect(page.text).not.toMatch(/type="checkbox"|name="act"/)
    const answer = await post(
      HELD,
      [
        ['act', 'release'],
        ['login', ADA],
        ['message', `postfix ${one}`],
      ],
      helper,
    )
    expect([answer.status, await state(one)]).toEqual([403, 'held'])
  })
})

describe('what became of a message, and telling everyone', () => {
  const listed = {
    result: 'bounced',
    dsn: '5.7.1',
    text: 'host mx said: 554 5.7.1 blocked using zen.spamhaus.org',
    recipient: 'zoe@block.example',
  } as const

  beforeAll(async () => {
    await sentMessage(core(), { login: ADA, memberId: ada.member!.id, attempts: [listed] })
    await sentMessage(core(), {
      login: SITE,
      memberId: ada.member!.id,
      attempts: [{ ...listed, recipient: 'max@block.example' }],
    })
  })

  test('a helper finds anybody’s, and tells nobody', async () => {
    const page = await at(`${OUT}/trace?recipient=${encodeURIComponent('@block.example')}`, helper)
    expect(read(page)).toMatch(/max@block\.example Refusé .*liste de blocage/)
    expect(read(page)).toContain('554 5.7.1 blocked using zen.spamhaus.org')
    expect(page.text).not.toContain('outgoing/notice')
    expect((await helper.browser.fetch(`${house.issuer}${OUT}/notice`)).status).toBe(403)
    const wrong = await at(`${OUT}/trace?recipient=%25`, helper)
    expect([wrong.status, read(wrong).includes('Cette valeur ne convient pas')]).toEqual([200, true])
  })

  test('an admin sees how many, writes, and each person gets one letter once', async () => {
    const found = await at(`${OUT}/trace?recipient=${encodeURIComponent('zoe@block.example')}`)
    const page = await open(house, boss.browser, linkOf(found, /outgoing\/notice/))
    expect(read(page)).toMatch(/Messages qui ne sont pas arrivés 2 Personnes à prévenir 1/)
    const before = house.letters().length
    const empty = await send(house, boss.browser, page, { subject: 'Vers block.example', text: ' ' })
    expect([
      empty.status,
      empty.text.includes('id="text-wrong"'),
      empty.text.includes('value="Vers block.example"'),
    ]).toEqual([422, true, true])
    const fields = { subject: 'Vers block.example', text: 'Nous demandons le retrait.' }
    const done = await send(house, boss.browser, page, fields)
    expect(read(done)).toMatch(/Envoyés 1 Refusés par le courrier 0/)
    const letters = house.letters().slice(before)
    expect(letters.map(({ to, subject }) => [to, subject])).toEqual([['ada@cassiopee.example', 'Vers block.example']])
    expect(letters[0]!.text).toContain('max@block.example, zoe@block.example')
    // The page that stayed open, and whoever looks again.
    expect((await send(house, boss.browser, page, fields)).status).toBe(409)
    const later = await at(`${OUT}/notice?recipient=${encodeURIComponent('@block.example')}&days=7`)
    expect(read(later)).toMatch(/est déjà partie le .* par boss, à 1 personnes/)
    expect(read(later)).toContain('Personne n’est à prévenir.')
    expect(house.letters()).toHaveLength(before + 1)
    expect(await core().store.audit.list({ action: 'notice.sent' })).toMatchObject([
      { actor: boss.person.account.id, subjectId: '@block.example', payload: { people: 1 } },
    ])
  })

  test.each(['', '?days=3', '?recipient=%25', '?cause=delivered', '?cause=nonsense', '?recipient=@x&cause=spam'])(
    '%j asks nothing, and no letter can be sent',
    async (query) => {
      const page = await at(`${OUT}/notice${query}`)
      expect([page.status, page.text.includes('name="text"')]).toEqual([200, false])
      const before = house.letters().length
      const csrf = tokenOf(await at(`${OUT}/stop`))
      const answer = await boss.browser.fetch(`${house.issuer}${OUT}/notice`, {
        form: { csrf, subject: 'x', text: 'x', cause: 'nonsense' },
      })
      expect([answer.status, house.letters().length]).toEqual([422, before])
    },
  )
})
