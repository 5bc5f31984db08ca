// What a site's web forms send with: one secret, shown once, that opens sending and nothing else.
import { beforeEach, describe, expect, test } from 'vitest'
import { appPasswordDigest } from '../../src/domain/app-passwords.ts'
import { removeResource } from '../../src/usecases/mailboxes.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { makeSiteLogin, removeSiteLogin } from '../../src/usecases/site-login.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'

const actor = 'test'
let at: MailPeople
beforeEach(async () => {
  at = await mailPeople()
  return () => at.on.close()
})
const renew = () => makeSiteLogin(at.core)({ siteId: at.site.id, actor })
const digestOf = (secret: string) => Buffer.from(appPasswordDigest(secret), 'base64url').toString('hex')

describe('made', () => {
  test('its login is the site’s name; the secret is in the answer and nowhere else', async () => {
    const { login, secret } = await renew()
    expect(login).toBe(SITE)
    expect(secret).toMatch(/^[a-z2-9]{20}$/)
    const { knex } = at.on.first.database
    const kept = JSON.stringify([
      await knex('siteLogin'),
      await knex('audit'),
      await knex('outbox'),
      at.on.first.logged,
    ])
    expect(kept).not.toContain(secret)
    expect((await at.core.store.audit.list({ subjectId: at.site.id })).map(({ action }) => action)).toEqual(
      expect.arrayContaining(['site_login.made', 'site_login.renewed']),
    )
  })

  test('it opens smtp, no mailbox, and only as the site', async () => {
    const { secret } = await renew()
    expect(await at.login(SITE)).toEqual({
      kind: 'login',
      name: SITE,
      access: 'full',
      mailbox: '',
      passwords: [{ id: at.site.id, digests: [digestOf(secret)], scopes: ['smtp'] }],
      maySend: true,
      quotaBytes: null,
      former: false,
    })
    expect(await at.atDoor(SITE)).toEqual({
      access: 'full',
      maySend: true,
      memberId: at.member.id,
      site: SITE,
      why: '',
    })
  })

  test('renewed, the former secret opens nothing', async () => {
    const [former, now] = [await renew(), await renew()]
    expect(now.secret).not.toBe(former.secret)
    expect((await at.login(SITE)).passwords.map(({ digests }) => digests)).toEqual([[digestOf(now.secret)]])
  })

  test('only for a site that is there', async () => {
    await removeResource(at.core)({ resourceId: at.site.id, actor })
    for (const siteId of [at.site.id, at.box.id, make.id()])
      await expect(makeSiteLogin(at.core)({ siteId, actor })).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('withdrawn', () => {
  test('by hand: it is no login any more', async () => {
    await removeSiteLogin(at.core)({ siteId: at.site.id, actor })
    expect(await at.login(SITE)).toBeUndefined()
    expect(await at.atDoor(SITE)).toBeUndefined()
    await expect(removeSiteLogin(at.core)({ siteId: at.site.id, actor })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('with its site: it is without access', async () => {
    await removeResource(at.core)({ resourceId: at.site.id, actor })
    expect(await at.login(SITE)).toMatchObject({ access: 'none', passwords: [], maySend: false })
    expect(await at.atDoor(SITE)).toMatchObject({ access: 'none', maySend: false })
  })

  test('with its member’s suspension, and back with it; in the member’s language', async () => {
    await at.core.store.members.update({ ...at.member, locale: 'nl' })
    await suspend(at.core)({ target: { memberId: at.member.id }, reason: 'x', actor })
    expect(await at.login(SITE)).toMatchObject({ access: 'none', passwords: [], maySend: false })
    expect(await at.atDoor(SITE)).toMatchObject({ access: 'none', why: expect.stringContaining('opgeschort') })
    await restore(at.core)({ target: { memberId: at.member.id }, actor })
    expect(await at.atDoor(SITE)).toMatchObject({ access: 'full', maySend: true, why: '' })
  })

  test('a member that lapsed keeps its public site, and its forms', async () => {
    await at.core.store.standings.put(make.standing(at.member.id, { standing: 'lapsed' }))
    expect(await at.login(SITE)).toMatchObject({ access: 'full', maySend: true })
  })

  test('a site without a login sends nothing', async () => {
    await addResource(at.core)({ memberId: at.member.id, kind: 'site', name: 'quiet.example', actor })
    expect(await at.login('quiet.example')).toBeUndefined()
    expect(await at.address('@quiet.example')).toBeUndefined()
  })
})
