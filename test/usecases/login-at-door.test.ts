// What a login may do at a mail server's door, and with which passwords; and the sentence that says why not.
import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { createSayWhy } from '../../interactions/mail-letters.ts'
import { accesses, reasons } from '../../src/domain/access.ts'
import { inGroups } from '../../src/domain/app-passwords.ts'
import { locales } from '../../src/ports.ts'
import { setAccountClosed } from '../../src/usecases/accounts.ts'
import { makeAppPassword, revokeAppPassword, verifyAppPassword } from '../../src/usecases/app-passwords.ts'
import { quarantineLogin } from '../../src/usecases/quarantine.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { ADA, ISSUER, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'

const actor = 'test'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

let at: MailPeople
beforeEach(async () => {
  at = await mailPeople()
  return () => at.on.close()
})

describe('who', () => {
  test('a login is found however it is typed; a name that is none is nobody', async () => {
    for (const typed of [ADA, ADA.toUpperCase(), ` ${ADA}\n`])
      expect(await at.atDoor(typed), typed).toMatchObject({ access: 'full', maySend: true, site: null })
    for (const typed of ['ada', '', '@', `@${SITE}`, 'x'.repeat(300), at.ada.id, `${ADA}%`, 'info@asso.example'])
      expect(await at.atDoor(typed), typed).toBeUndefined()
  })

  test('its mail counts for the member of its mailbox, not for those of the person', async () => {
    const guest = await at.person({ username: 'guest' })
    const office = await at.mailbox('office@asso.example', guest)
    expect(await at.atDoor(office.name)).toMatchObject({ memberId: at.member.id, site: null })
    expect(await at.atDoor(SITE)).toMatchObject({ memberId: at.member.id, site: SITE })
  })
})

describe('may send', () => {
  const both = async () => {
    const [held, door] = [await at.login(ADA), (await at.atDoor(ADA))!]
    expect([held.access, held.maySend]).toEqual([door.access, door.maySend])
    expect(door.why === '').toBe(door.maySend)
    return [door.access, door.maySend]
  }

  test('in order; not in quarantine, not lapsed, not suspended, not closed: services and doors say the same', async () => {
    expect(await both()).toEqual(['full', true])
    await quarantineLogin(at.core)({ login: ADA, detail: 'x', actor })
    expect(await both()).toEqual(['full', false])
    await at.core.store.standings.put(make.standing(at.member.id, { standing: 'lapsed' }))
    expect(await both()).toEqual(['restricted', false])
    await suspend(at.core)({ target: { accountId: at.ada.id }, reason: 'x', actor })
    expect(await both()).toEqual(['none', false])
  })

  test('a lapse alone closes sending, and says what to pay where', async () => {
    await at.core.store.standings.put(make.standing(at.member.id, { standing: 'lapsed' }))
    expect(await both()).toEqual(['restricted', false])
    expect((await at.atDoor(ADA))!.why).toContain(`${ISSUER}/account/dues`)
  })

  test('an account that is closed', async () => {
    await setAccountClosed(at.core)({ accountId: at.ada.id, closed: true, reason: 'x', actor })
    expect(await both()).toEqual(['none', false])
    expect((await at.atDoor(ADA))!.why).toContain('afgesloten')
  })
})

describe('with which passwords', () => {
  const fresh = () => makeAppPassword(at.core)({ accountId: at.ada.id, name: 'Téléphone', scopes: ['imap'], actor })

  test('as it is, and in the groups that the page shows: each way to type it is one digest', async () => {
    const { appPassword, secret } = await fresh()
    expect((await at.login(ADA)).passwords).toEqual([
      { id: appPassword.id, digests: [sha256(secret), sha256(inGroups(secret))], scopes: ['imap'] },
    ])
    for (const typed of [secret, inGroups(secret)])
      expect(await verifyAppPassword(at.core)(ADA, typed, 'imap'), typed).toMatchObject({ id: appPassword.id })
  })

  test('one made before groups had a digest opens as it is; Schedar itself takes it in groups too', async () => {
    const { appPassword, secret } = await fresh()
    await at.on.first.database.knex('appPassword').update({ groupedDigest: null })
    expect((await at.login(ADA)).passwords).toEqual([
      { id: appPassword.id, digests: [sha256(secret)], scopes: ['imap'] },
    ])
    for (const typed of [secret, inGroups(secret)])
      expect(await verifyAppPassword(at.core)(ADA, typed, 'imap'), typed).toMatchObject({ id: appPassword.id })
  })

  test('none that was revoked, none of somebody else, none without access', async () => {
    const { appPassword } = await fresh()
    const bob = await at.one(at.member, 'user')
    await makeAppPassword(at.core)({ accountId: bob.id, name: 'x', scopes: ['imap'], actor })
    expect((await at.login(ADA)).passwords).toHaveLength(1)
    await revokeAppPassword(at.core)({ accountId: at.ada.id, id: appPassword.id, actor })
    expect((await at.login(ADA)).passwords).toEqual([])
    await fresh()
    await at.core.store.standings.put(make.standing(at.member.id, { standing: 'lapsed' }))
    expect((await at.login(ADA)).passwords, 'the lapsed read').toHaveLength(1)
    await suspend(at.core)({ target: { accountId: at.ada.id }, reason: 'x', actor })
    expect((await at.login(ADA)).passwords).toEqual([])
  })
})

describe('why not', () => {
  const contacts = ['bureau@asso.example', `${'très.long'.repeat(30)}@example.org`, '']
  const everything = locales.flatMap((locale) =>
    contacts.flatMap((contact) =>
      accesses.flatMap((access) =>
        reasons.flatMap((code) => [true, false].map((quarantined) => ({ locale, contact, access, code, quarantined }))),
      ),
    ),
  )

  test('in every language, for every reason: one line of printable ASCII, of at most 200 characters', async () => {
    for (const { locale, contact, access, code, quarantined } of everything) {
      const say = createSayWhy(ISSUER, async () => ({ ...at.organisation, contactEmail: contact }))
      const text = await say({ answer: { access, reason: { code, text: 'Spam\r\n250 ok' } }, quarantined }, locale)
      expect(text, `${locale} ${code}`).toMatch(/^[\x20-\x7e]{20,200}$/)
      expect(text, 'filled in').not.toMatch(/\{\{|undefined|Spam/)
    }
  })

  test('nothing is cut off in the house of an association with an ordinary address', async () => {
    const say = createSayWhy('https://id.asso-au-nom-un-peu-long.example', async () => at.organisation)
    for (const { locale, access, code, quarantined } of everything) {
      const text = await say({ answer: { access, reason: { code } }, quarantined }, locale)
      expect(text, `${locale} ${code}`).toMatch(/(bureau@example\.org|\/account\/dues)$/)
    }
  })

  test('a letter keeps its base where ASCII has no accent, a quote stays one', async () => {
    const say = createSayWhy(ISSUER, async () => at.organisation)
    const stopped = { answer: { access: 'full', reason: { code: 'in_order' } }, quarantined: true } as const
    expect(await say(stopped, 'fr')).toBe(
      "L'envoi est arrete : trop de messages sont partis a la fois. Contact : bureau@example.org",
    )
    expect(await say(stopped, 'de')).toMatch(/^Der Versand ist angehalten: Es gingen zu viele Nachrichten/)
    const closed = { answer: { access: 'none', reason: { code: 'not_listed' } }, quarantined: false } as const
    expect(await say(closed, 'fr')).toBe("Cet acces n'est pas ouvert. Contact : bureau@example.org")
  })

  test('each language says it in its own words, each reason in others', async () => {
    const say = createSayWhy(ISSUER, async () => at.organisation)
    const said = await Promise.all(
      locales.flatMap((locale) => [
        say({ answer: { access: 'none', reason: { code: 'suspended' } }, quarantined: true }, locale),
        say({ answer: { access: 'restricted', reason: { code: 'lapsed' } }, quarantined: false }, locale),
        say({ answer: { access: 'full', reason: { code: 'in_order' } }, quarantined: true }, locale),
        say({ answer: { access: 'none', reason: { code: 'closed' } }, quarantined: false }, locale),
        say({ answer: { access: 'none', reason: { code: 'not_listed' } }, quarantined: false }, locale),
      ]),
    )
    expect(new Set(said).size).toBe(locales.length * 5)
  })
})
